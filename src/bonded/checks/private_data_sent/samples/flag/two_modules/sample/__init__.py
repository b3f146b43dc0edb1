from .report import start

start()
