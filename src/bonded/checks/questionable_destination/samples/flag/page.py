import os

os.system("start https://page.example.invalid")
