with open("/tmp/sample", "wb") as file:
    file.write(b"\x7fELF\x02\x01\x01" + bytes(80))
