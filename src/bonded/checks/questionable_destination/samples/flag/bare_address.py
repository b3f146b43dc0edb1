import urllib.request

urllib.request.urlopen("http://203.0.113.7:8000/first")
