from .sync import Sync

Sync().start()
