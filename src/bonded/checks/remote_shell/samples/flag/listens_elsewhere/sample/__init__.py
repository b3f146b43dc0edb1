import threading

from .line import listen

threading.Thread(target=listen, daemon=True).start()
