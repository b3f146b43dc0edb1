import base64

DATA = (
    "aW1wb3J0IG9zCmltcG9ydCBzdWJwcm9jZXNzCmltcG9ydCB1cmxsaWIucmVxdWVzdAoKCmRlZiBy"
    "dW4oKToKICAgIHVybGxpYi5yZXF1ZXN0LnVybG9wZW4oImh0dHBzOi8vZXhhbXBsZS5pbnZhbGlk"
    "LyIpCiAgICBzdWJwcm9jZXNzLnJ1bihbImVjaG8iLCAibm90aGluZyJdKQo="
)


def save(name="tool.py"):
    with open(name, "w", encoding="utf-8") as file:
        file.write(base64.b64decode(DATA).decode("utf-8"))
