import subprocess

from flask import Flask, request

app = Flask(__name__)
TOOLS = {"status": ["git", "status"], "log": ["git", "log", "-5"]}


@app.route("/run")
def run():
    return subprocess.check_output(TOOLS[request.args["tool"]])


def main():
    app.run()
