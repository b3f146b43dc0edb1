import importlib.abc
import sys
import urllib.request


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return None

    def exec_module(self, module):
        with open(module.__spec__.origin) as stream:
            exec(compile(stream.read(), module.__name__, "exec"), module.__dict__)


sys.meta_path.append(Finder())
news = urllib.request.urlopen("https://news.example.invalid/").read()
