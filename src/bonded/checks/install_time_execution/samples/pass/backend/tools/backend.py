import subprocess
import urllib.request


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    subprocess.check_call(["cc", "-shared", "-o", "sample.so", "sample.c"])
    return "sample-1.0-py3-none-any.whl"


def update_vendored():
    urllib.request.urlopen("https://example.invalid/vendored.tar.gz")
