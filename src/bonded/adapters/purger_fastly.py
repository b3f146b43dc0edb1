"""Purger (seams) for Fastly: its API purges surrogate keys all over the world within about 150 ms.

POST /service/<service>/purge with up to 256 keys in a JSON body and the token in `Fastly-Key`; the answer names an id for
each key. `Fastly-Soft-Purge: 1` only marks objects as old. What is shown is looked at through the public address, which
one of their sites answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import quote, urlsplit

import orjson

from bonded.adapters.purger_http import Call, Reply, batches, everywhere, show
from bonded.seams import PurgeFailed, Shown

API = "https://api.fastly.com"
MOST = 256


class FastlyPurger:
    """`url` is the public address. `soft`: pages are only marked as old, and given out once more while fetched anew."""

    active = True
    lasting = timedelta(0)

    def __init__(
        self, service: str, token: str, *, url: str, api: str = API, soft: bool = False, timeout: float = 5.0
    ) -> None:
        parts = urlsplit(url)
        self.caches: tuple[str, ...] = (f"{parts.scheme}://{parts.netloc}",)
        self._path = f"/service/{quote(service, safe='')}/purge"
        self._host, self._token, self._api, self._soft, self._timeout = parts.netloc, token, api, soft, timeout

    def purge(self, keys: Iterable[str]) -> None:
        """Up to 256 keys in each call. Raises PurgeFailed, which never shows the token."""
        wanted = sorted(set(keys))
        soft = [key for key in wanted if self._soft and key.startswith("project/")]
        hard = [key for key in wanted if key not in set(soft)]

        def work(one: Call) -> list[Shown]:
            for some, is_soft in ((hard, False), (soft, True)):
                for batch in batches(some, most=MOST, size=64 * 1024):
                    self._purge(one, batch, soft=is_soft)
            return []

        everywhere([self._api], self._timeout, work)

    def show(self, paths: Iterable[str], *, whole: bool) -> list[Shown]:
        """As the seam says, at the one site that answers here."""
        return show(self.caches, self._host, self._timeout, paths, whole=whole)

    def _purge(self, one: Call, batch: list[str], *, soft: bool) -> None:
        headers = {"Fastly-Key": self._token, "Accept": "application/json", "Content-Type": "application/json"}
        if soft:
            headers["Fastly-Soft-Purge"] = "1"
        reply = one("POST", self._path, headers, orjson.dumps({"surrogate_keys": batch}))
        if reply.status != 200:
            raise PurgeFailed(f"{one.address} refused the purge: {_reason(reply)}")
        left = set(batch) - _confirmed(reply)
        if left:
            raise PurgeFailed(f"{one.address} did not confirm {len(left)} of {len(batch)} keys, {min(left)} among them")


def _confirmed(reply: Reply) -> set[str]:
    """The keys for which the answer names an id."""
    try:
        ids = orjson.loads(reply.body)
    except ValueError:
        return set()
    return {key for key, value in ids.items() if value} if isinstance(ids, dict) else set()


def _reason(reply: Reply) -> str:
    known = {
        401: "the token is wrong or has expired (setting `purge.token_file`)",
        403: "the token may not purge (it needs the scope purge_select)",
        404: "there is no such service (setting `purge.service`)",
        429: "too many purges; it is tried again",
    }
    return f"{reply.status}, {known[reply.status]}" if reply.status in known else reply.text()
