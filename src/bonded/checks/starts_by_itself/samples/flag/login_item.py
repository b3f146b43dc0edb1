import os

os.system("osascript -e 'tell application \"System Events\" to make login item at end with properties {path:\"/tmp/sample\"}'")
