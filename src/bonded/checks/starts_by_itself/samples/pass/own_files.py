import os
import site

import sample

for folder in site.getsitepackages():
    if os.path.exists(os.path.join(folder, "requests", "api.py")):
        print(folder)
with open(os.path.join(os.path.dirname(sample.__file__), "table.py"), "w") as stream:
    stream.write("TABLE = 1")
with open(os.path.join(site.getsitepackages()[0], "sample", "table.py"), "w") as stream:
    stream.write("TABLE = 1")
