import base64

LOGO = "PHN2ZyB4bWxucz0naHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmcnPjxyZWN0"
LOGO += "IHdpZHRoPScxMCcgaGVpZ2h0PScxMCcvPjwvc3ZnPg=="


def save(name="logo.svg"):
    with open(name, "wb") as file:
        file.write(base64.b64decode(LOGO))
