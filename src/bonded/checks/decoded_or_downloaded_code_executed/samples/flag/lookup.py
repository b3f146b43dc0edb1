import importlib

codec = importlib.import_module("co" + "decs")
vars(importlib.import_module("built" + "ins"))["ex" + "ec"](codec.decode("cevag(1)", "rot13"))
