"""Fetching what build services publish about their keys, by the same rules as every other address that we speak to."""

from __future__ import annotations

import io
from functools import partial

from bonded.accounts.oidc_keys import MOST_BYTES, Away, Fetch
from bonded.screening import outbound
from bonded.screening.outbound import Rules, Unreachable
from bonded.values.refusals import Refusal


def fetcher(
    private_hosts: tuple[str, ...], timeout: float, resolve: outbound.Resolve = outbound.system_resolver
) -> Fetch:
    """What fetches documents of issuers: from public addresses by https, and from hosts that the operator lists."""
    return partial(_fetch, Rules(None, private_hosts), timeout, resolve)


def _fetch(rules: Rules, timeout: float, resolve: outbound.Resolve, url: str) -> bytes:
    """What is at `url`, at most 256 KiB. Raises Away."""
    taken, headers = io.BytesIO(), {"Accept": "application/json", "User-Agent": "Bonded"}
    try:
        target = outbound.parse(url)
        answer = outbound.ask(
            "GET", target, rules, timeout=timeout, headers=headers, into=taken, most=MOST_BYTES, resolve=resolve
        )
    except (Refusal, Unreachable) as error:
        raise Away(str(error)) from None
    if answer.status != 200:
        raise Away(f"{target.host} answered {answer.status}")
    return taken.getvalue()
