"""Settings of a Weblate that serves one run on loopback: its own example, without mail, avatars, hooks, sign-up or background workers.

Read by Weblate's Python, in Weblate's environment; where everything is stands in BONDED_WEBLATE.
"""
# ruff: noqa: F403, F405

import json
import os

from weblate.settings_example import *

HOUSE = json.loads(os.environ["BONDED_WEBLATE"])
DEBUG = False
SITE_DOMAIN = HOUSE["site"]
SITE_URL = f"http://{SITE_DOMAIN}"
ALLOWED_HOSTS = ["localhost"]
OTP_WEBAUTHN_RP_ID = "localhost"
OTP_WEBAUTHN_ALLOWED_ORIGINS = ["https://localhost"]
SECRET_KEY = HOUSE["secret"]
DATA_DIR = HOUSE["data"]
CACHE_DIR = f"{DATA_DIR}/cache"
STATIC_ROOT = f"{CACHE_DIR}/static"
MEDIA_ROOT = f"{DATA_DIR}/media"
DATABASES["default"] |= {"NAME": "weblate", "USER": "weblate", "HOST": HOUSE["postgres"]}
CACHES["default"]["LOCATION"] = HOUSE["redis"]
CACHES["avatar"]["LOCATION"] = f"{CACHE_DIR}/avatar"
# What a worker would do is done at once, so that each step ends when it says so.
CELERY_TASK_ALWAYS_EAGER = True
CELERY_BROKER_URL = "memory://"
CELERY_RESULT_BACKEND = None
# Nothing leaves this machine.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
ENABLE_AVATARS = False
ENABLE_HOOKS = False
REGISTRATION_OPEN = False
SENTRY_DSN = None
WEBLATE_MACHINERY = ()
# Git for us, a local folder for the glossary that Weblate makes for each project; from a folder of this machine, which it
# refuses otherwise.
VCS_BACKENDS = ("weblate.vcs.git.GitRepository", "weblate.vcs.git.LocalRepository")
VCS_FILE_PROTOCOL = True
