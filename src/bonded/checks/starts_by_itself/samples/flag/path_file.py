import os
import site

with open(os.path.join(site.getsitepackages()[0], "sample-start.pth"), "w") as stream:
    stream.write("import sample")
