import telebot

TOKEN = "YOUR_TOKEN_HERE"
bot = telebot.TeleBot(TOKEN)


@bot.message_handler()
def echo(message):
    bot.send_message(message.chat.id, message.text)
