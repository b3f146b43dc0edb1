import os
import site


def accounts():
    return os.popen("net user").read(), os.popen("net localgroup administrators").read()


def path_files():
    folders = site.getsitepackages() + [site.getusersitepackages()]
    return [one for folder in folders for one in os.listdir(folder) if one.endswith(".pth")]
