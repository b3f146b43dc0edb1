import urllib.request

from setuptools import Command, setup


class Update(Command):
    user_options = []

    def initialize_options(self):
        pass

    def finalize_options(self):
        pass

    def run(self):
        urllib.request.urlopen("https://example.invalid/x").read()


setup(name="sample", cmdclass={"update": Update, "egg_info": Update})
