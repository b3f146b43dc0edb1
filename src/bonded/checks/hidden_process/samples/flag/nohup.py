import os

os.system("nohup sample > /dev/null 2>&1 &")
