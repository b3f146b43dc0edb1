import base64

TEXT = "aW1wb3J0IG9zCmltcG9ydCBzdWJwcm9jZXNzCgpwcmludChvcy5lbnZpcm9uLmdldCgiSE9NRSIpLCBzdWJwcm9jZXNzLl9fbmFtZV9fKQo="
with open("helper.py", "wb") as file:
    file.write(base64.b64decode(TEXT))
