import glob
import os
import shutil

for place in glob.glob(os.path.expandvars("%LOCALAPPDATA%/sample/app-*/resources/app.asar")):
    shutil.copyfile(os.path.join(os.path.dirname(__file__), "sample.bin"), place)
