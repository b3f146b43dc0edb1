"""A later time of day for clients in this process: metadata expires without anybody waiting for it, however slow the machine is."""

from __future__ import annotations

import datetime as module
import time
from datetime import timedelta

import pytest
from tuf.ngclient._internal import trusted_metadata_set

from bonded_client.trust import Trust


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Have python-tuf, and every Trust that is made from now on, believe that it is later."""

    class Later(module.datetime):
        @classmethod
        def now(cls, tz: module.tzinfo | None = None) -> module.datetime:  # type: ignore[override]
            return module.datetime.now(tz) + by

    class Module:
        datetime = Later
        timezone = module.timezone

    monkeypatch.setattr(trusted_metadata_set, "datetime", Module)
    monkeypatch.setitem(Trust.__init__.__kwdefaults__, "now", lambda: time.time() + by.total_seconds())
