import os
import platform

import sentry_sdk
from azure.storage.blob import BlobServiceClient
from posthog import Posthog

sentry_sdk.set_tag("machine", platform.node())
EVENTS = Posthog("key")


def used(what):
    EVENTS.capture(platform.node(), what, properties={"level": os.environ.get("LEVEL", "info")})


def store(name, data):
    service = BlobServiceClient.from_connection_string(os.environ["SAMPLE_STORAGE"])
    service.get_blob_client("sample", name).upload_blob(data)
