import os

import telebot

bot = telebot.TeleBot(os.getenv("BOT_TOKEN", "123456:sample-sample-sample-sample"))
bot.send_message(1, "here")
