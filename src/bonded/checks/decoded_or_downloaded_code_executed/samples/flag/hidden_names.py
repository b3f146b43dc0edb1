import base64 as b

run = getattr(__builtins__, "ex" + "ec")
run(getattr(b, "b64" + "decode")("cHJpbnQoMSk="))
