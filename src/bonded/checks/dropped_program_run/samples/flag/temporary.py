import os
import sys
from tempfile import NamedTemporaryFile

made = NamedTemporaryFile(delete=False)
made.write(b"""from urllib.request import urlopen
print(urlopen("https://files.example.invalid/x").read())
""")
made.close()
os.system(f"start {sys.executable} {made.name}")
