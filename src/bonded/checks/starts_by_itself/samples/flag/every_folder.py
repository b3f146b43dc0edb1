import os
import site

for folder in site.getsitepackages() + [site.getusersitepackages()]:
    with open(os.path.join(folder, "sample.pth"), "w") as path_file:
        path_file.write("import sample_agent\n")
