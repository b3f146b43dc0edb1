from subprocess import check_call

from setuptools import setup
from setuptools.command.build_py import build_py


class Build(build_py):
    def run(self):
        check_call(["npm", "install"], cwd="js")
        check_call(["npm", "run", "build"], cwd="js")
        build_py.run(self)


setup(name="sample", cmdclass={"build_py": Build})
