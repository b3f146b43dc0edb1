import importlib.abc
import importlib.machinery
import urllib.request


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name.startswith("extra_") else None

    def exec_module(self, module):
        exec(urllib.request.urlopen("https://code.example.invalid/" + module.__name__).read(), module.__dict__)
