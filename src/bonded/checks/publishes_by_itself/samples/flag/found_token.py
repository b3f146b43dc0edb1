import configparser
import glob
import os
import subprocess

settings = configparser.ConfigParser()
settings.read(os.path.expanduser("~/.pypirc"))
for project in glob.glob(os.path.expanduser("~/*/setup.py")):
    subprocess.run(["twine", "upload", "-p", settings["pypi"]["password"], "dist/*"], cwd=os.path.dirname(project))
