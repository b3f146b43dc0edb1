import urllib.request

from setuptools import Command, setup


class Update(Command):
    user_options = []

    def initialize_options(self):
        pass

    def finalize_options(self):
        pass

    def run(self):
        with open("sample/table.txt", "wb") as file:
            file.write(urllib.request.urlopen("https://example.invalid/table.txt").read())


setup(name="sample", cmdclass={"update": Update})
