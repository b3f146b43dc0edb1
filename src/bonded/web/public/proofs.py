"""Proofs from the journal's log (RFC 6962), for whoever checks that nothing in it was changed or left out.

Hashes are hex. The log's size and root are signed in every snapshot of the metadata (`x-bonded`): compare with that.
"""

from __future__ import annotations

from pyramid.response import Response

from bonded.journal import proofs, seal
from bonded.web.forms import whole
from bonded.web.request import Request


def head(request: Request) -> Response:
    """Size and root of the newest sealed log."""
    with request.db.read() as conn:
        size, root = seal.current(conn)
    return _json({"size": size, "root": root.hex()})


def inclusion(request: Request) -> Response:
    """`/journal/proof/inclusion/<row>?size=<n>`: the row is in the log. Raises Refusal (no-proof, bad-form)."""
    with request.db.read() as conn:
        proof = proofs.inclusion(conn, whole(request.part("row")), _size(request))
    return _json(
        {
            "row": proof.journal_id,
            "index": proof.index,
            "size": proof.size,
            "root": proof.root.hex(),
            "leaf": proof.leaf.hex(),
            "path": [value.hex() for value in proof.path],
        }
    )


def rows(request: Request) -> Response:
    """`/journal/proof/rows/<first>/<end>`: the log's rows from number `first`, before `end`, or the first of them.

    Each is the text that was hashed. Raises Refusal (no-proof, log-damaged, bad-form).
    """
    first, end = whole(request.part("first")), whole(request.part("end"))
    with request.db.read() as conn:
        found = proofs.rows(conn, first, end)
    return _json({"first": first, "rows": [row.decode() for row in found]})


def consistency(request: Request) -> Response:
    """`/journal/proof/consistency/<old>/<new>`: the newer log extends the older. Raises Refusal (no-proof, bad-form)."""
    old, new = whole(request.part("old")), whole(request.part("new"))
    with request.db.read() as conn:
        proof = proofs.consistency(conn, old, new)
    return _json(
        {
            "old": proof.old,
            "new": proof.new,
            "old_root": proof.old_root.hex(),
            "new_root": proof.new_root.hex(),
            "path": [value.hex() for value in proof.path],
        }
    )


def _size(request: Request) -> int | None:
    text = request.params.get("size")
    return whole(text) if text is not None else None


def _json(value: dict[str, object]) -> Response:
    return Response(json_body=value, content_type="application/json", charset="utf-8")
