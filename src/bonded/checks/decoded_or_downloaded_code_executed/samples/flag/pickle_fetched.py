import pickle
import urllib.request

MODEL = pickle.loads(urllib.request.urlopen("https://files.example.invalid/model").read())
