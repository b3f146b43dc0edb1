import json

import telebot

with open("settings.json") as file:
    bot = telebot.TeleBot(json.load(file)["token"], parse_mode="HTML")


@bot.message_handler()
def echo(message):
    bot.send_message(message.chat.id, message.text)
