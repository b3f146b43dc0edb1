import os

import telebot

bot = telebot.TeleBot(os.environ["BOT_TOKEN"])


@bot.message_handler(commands=["start"])
def start(message):
    bot.reply_to(message, "Hello")


@bot.message_handler()
def echo(message):
    bot.send_message(message.chat.id, message.text)
