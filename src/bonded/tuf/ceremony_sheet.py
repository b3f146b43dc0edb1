"""The page to print at the end of a ceremony: fingerprints, thresholds and expiries to compare by eye, room to sign. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from html import escape

from bonded.tuf.binfile import read_utc
from bonded.tuf.ceremony_keys import fingerprint
from bonded.tuf.ceremony_state import State
from bonded.tuf.ceremony_words import story
from bonded.tuf.offline import KeySet, Offline, bin_keys, bins_of

STYLE = """body{font:11pt/1.4 serif;margin:2cm auto;max-width:48em}code{font:10pt monospace}
table{border-collapse:collapse;width:100%}td,th{border:1px solid #888;padding:.3em .5em;text-align:left;vertical-align:top}
pre{font:8pt/1.4 monospace;white-space:pre-wrap;overflow-wrap:anywhere}h2{margin-top:1.5em;break-after:avoid}"""


def sheet(state: State) -> str:
    """A whole HTML page with no scripts and nothing from outside."""
    title = f"Key ceremony of {state.index.url}"
    body = "\n".join(_body(state))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style></head>\n<body>\n<h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def _body(state: State) -> Iterator[str]:
    end = _last(state)
    yield "<p>Keep this page. Whoever gets the bundle, the root metadata or the transcript can compare these digits.</p>"
    yield f"<p>Transcript, {len(state.lines)} lines, last digest:<br><code>{fingerprint(state.head)}</code></p>"
    for step in state.signed_steps():
        for role, data in step.files.items():
            if role == "root":
                digest = fingerprint(hashlib.sha256(data).hexdigest())
                yield f"<p>Root metadata, version {step.signed[role]['version']}, sha256:<br><code>{digest}</code></p>"
    yield "<h2>Who must sign what</h2><table><tr><th>role</th><th>valid until</th><th>must sign</th><th>keys</th></tr>"
    for role in ("root", "targets", "pages", "bins"):
        yield _row(state, role, f"{read_utc(end.of(role)['expires']):%Y-%m-%d}", end.signers_of(role))
    yield _row(state, "timestamp, snapshot, all bins", "renewed by the index", bin_keys(end.pages))
    yield "</table>"
    yield f"<p>{bins_of(end.pages).count} bins for project pages, {bins_of(end.bins).count} bins for files.</p>"
    yield "<h2>Present</h2><table><tr><th>name</th><th>date</th><th>signature by hand</th></tr>"
    for name in dict.fromkeys(state.name(statement.keyid) for _, statement in state.statements):
        yield f"<tr><td>{escape(name)}</td><td>&nbsp;</td><td>&nbsp;</td></tr>"
    yield "<tr><td>&nbsp;</td><td></td><td></td></tr></table>"
    yield f"<h2>Transcript</h2><pre>{escape(chr(10).join(story(state)))}</pre>"


def _last(state: State) -> Offline:
    after = state.index.base
    for step in state.steps or ():
        after = after.with_values(step.values) if after else Offline(**step.values)
    assert after is not None
    return after


def _row(state: State, role: str, until: str, keys: KeySet) -> str:
    listed = "<br>".join(f"{escape(state.name(k))}: <code>{fingerprint(k)}</code>" for k in keys.ids)
    return (
        f"<tr><td>{escape(role)}</td><td>{escape(until)}</td><td>{keys.threshold} of {len(keys.keys)}</td>"
        f"<td>{listed}</td></tr>"
    )
