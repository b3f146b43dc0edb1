import importlib.util
import zipimport

from setuptools import setup
from setuptools.command.install import install


class Then(install):
    def run(self):
        loader = zipimport.zipimporter("resources.zip")
        spec = importlib.util.spec_from_loader("resources", loader)
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        install.run(self)


setup(name="sample", cmdclass={"install": Then})
