import os
import sqlite3


def cookies(profile):
    path = os.path.join(profile, "cookies.sqlite")
    return sqlite3.connect(path).execute("select name, value from moz_cookies").fetchall()
