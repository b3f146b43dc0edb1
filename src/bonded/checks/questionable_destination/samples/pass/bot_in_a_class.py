import telebot


class Notices:
    def __init__(self, token, chat):
        self.bot = telebot.TeleBot(token)
        self.chat = chat

    def say(self, text):
        self.bot.send_message(self.chat, text)
