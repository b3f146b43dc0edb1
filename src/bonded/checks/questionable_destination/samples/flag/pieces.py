import requests

SERVER = "203.0.113.7"
PATH = "/first"
requests.post("%s://%s:8000%s" % ("http", SERVER, PATH), json={})
