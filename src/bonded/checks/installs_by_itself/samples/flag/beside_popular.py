import os

os.system("pip install requests sample-core")
