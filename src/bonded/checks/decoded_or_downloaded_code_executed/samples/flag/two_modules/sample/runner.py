def start(text):
    exec(text)
