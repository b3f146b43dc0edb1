import subprocess

import paho.mqtt.client as mqtt


def answer(client, data, message):
    uptime = subprocess.getoutput("uptime")
    client.publish("sample/out", f"{message.topic}: {uptime}")


def serve(host):
    client = mqtt.Client()
    client.on_message = answer
    client.connect(host)
    client.loop_forever()
