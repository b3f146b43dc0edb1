"""The text of tokens: frozen vectors, an independent implementation as oracle, and hostile input."""

from __future__ import annotations

import base64
import json
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymacaroons
import pypitoken
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonded.accounts import caveats, macaroon
from bonded.accounts.caveats import Use
from bonded.values.refusals import Refusal

ID, KEY = "0123456789abcdefghjkmnpqrs", b"k" * 32
PLAIN = (
    "bonded-AgEGYm9uZGVkAhowMTIzNDU2Nzg5YWJjZGVmZ2hqa21ucHFycwAABiD7v0itNZjxZLaa23JN6zaVo1ojMQkTSgWHenlEyO2mKA1kitCf"
)
NARROWED = "bonded-AgEGYm9uZGVkAhowMTIzNDU2Nzg5YWJjZGVmZ2hqa21ucHFycwACIFsxLCBbIm90aGVyIiwgInNhbXBsZS1wcm9qZWN0Il1dAAIbWzAsIDE3Njc3MDA4MDAsIDE3Njc2MTQ0MDBdAAAGIN2-1AfbAjRwREjW-yiGmefisgcMlRNwYSU5QNkpoIZM3fL9ah"
FIRST = datetime(2026, 1, 5, 12, tzinfo=UTC)
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def oracle(text: str) -> pypitoken.Token:
    return pypitoken.Token.load(text[:-6])


def test_frozen_vectors() -> None:
    """Tokens that people hold must be good for ever: these texts may never change."""
    assert macaroon.mint(ID, KEY) == PLAIN
    for text, count in ((PLAIN, 0), (NARROWED, 2)):
        read = macaroon.read(text)
        assert read.token_id == ID
        assert len(read.caveats) == count
        assert read.genuine(KEY)
    assert macaroon.narrow(PLAIN, macaroon.read(NARROWED).caveats) == NARROWED


VECTORS = json.loads((Path(__file__).parent / "vectors" / "tokens.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_the_frozen_file_is_read_as_ever_by_us_and_by_others(vector: dict[str, Any]) -> None:
    """tests/accounts/vectors/tokens.json may gain rows and lose none: tools of other people are tried against it."""
    key = bytes.fromhex(vector["key"])
    read = macaroon.read(vector["token"])
    assert (read.token_id, list(read.caveats)) == (vector["id"], vector["caveats"])
    assert read.genuine(key)
    assert not read.genuine(bytes(32))
    assert macaroon.narrow(macaroon.mint(vector["id"], key), vector["caveats"]) == vector["token"]
    theirs = pymacaroons.Macaroon.deserialize(oracle(vector["token"]).dump().removeprefix("bonded-"))
    assert [caveat.caveat_id_bytes.decode() for caveat in theirs.caveats] == vector["caveats"]
    verifier = pymacaroons.Verifier()
    verifier.satisfy_general(lambda _: True)
    assert verifier.verify(theirs, key)


def test_the_checksum_is_what_the_documentation_says() -> None:
    body, checksum = PLAIN[:-6], PLAIN[-6:]
    number = zlib.crc32(body.encode())
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    assert checksum == digits.rjust(6, "0")


def test_pypitoken_reads_and_verifies_ours() -> None:
    token = oracle(PLAIN)
    assert (token.prefix, token.identifier, token.domain) == ("bonded", ID, "bonded")
    token.check(KEY)
    with pytest.raises(pypitoken.ValidationError):
        token.check(b"x" * 32)


def test_we_read_and_verify_what_pypitoken_makes() -> None:
    made = pypitoken.Token.create(domain="bonded", identifier=ID, key=KEY, prefix="bonded")
    assert macaroon.seal(made.dump()) == PLAIN


NAMES = st.lists(st.sampled_from(["alpha", "beta", "gamma-delta"]), min_size=1, max_size=3, unique=True)
LIMITS = st.lists(
    st.one_of(NAMES, st.tuples(st.integers(-2, 0), st.integers(-1, 2))), min_size=1, max_size=4
)  # fmt: skip


@given(limits=LIMITS, project=st.sampled_from(["alpha", "beta", "gamma-delta", "other"]))
def test_both_agree_on_every_narrowed_token(limits: list[object], project: str) -> None:
    """Narrowed by pypitoken, judged by both; times in days around now."""
    day, moment = 86_400, int(FIRST.timestamp())
    theirs = oracle(PLAIN)
    for limit in limits:
        if isinstance(limit, list):
            theirs.restrict(project_names=limit)
        else:
            before, after = limit  # type: ignore[misc]
            theirs.restrict(not_before=moment + before * day, not_after=moment + after * day)
    text = macaroon.seal(theirs.dump())
    try:
        theirs.check(KEY, project_name=project, now=moment)
        good = True
    except (pypitoken.ValidationError, ValueError):  # ValueError: its way of saying that two limits are not met
        good = False
    read = macaroon.read(text)
    assert read.genuine(KEY)
    try:
        left = caveats.apply(read.caveats, Use("u", "upload", project, FIRST, ""))
        ours = left.projects is None or project in left.projects
    except Refusal:
        ours = False
    assert ours is good


def test_taking_a_caveat_off_is_found() -> None:
    """The signature after each caveat is a key that whoever holds the token does not have for the one before."""
    raw = base64.urlsafe_b64decode(NARROWED[7:-6] + "===")
    cut = raw.index(b"[0, ")
    forged = raw[: cut - 2] + raw[raw.index(b"\x00", cut) + 1 :]
    text = macaroon.seal("bonded-" + base64.urlsafe_b64encode(forged).decode().rstrip("="))
    read = macaroon.read(text)
    assert len(read.caveats) == 1
    assert not read.genuine(KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bonded-",
        "pypi-" + PLAIN[7:],
        PLAIN[:-1],
        PLAIN[:-1] + ("0" if PLAIN[-1] != "0" else "1"),
        PLAIN[:20] + PLAIN[21:],
        PLAIN.swapcase(),
        PLAIN + "x",
        "bonded-" + "A" * 9000,
        macaroon.seal("bonded-AAAA"),
        macaroon.seal("bonded-!!!!"),
        macaroon.seal("bonded-" + base64.urlsafe_b64encode(b"0016location x\n").decode()),
        macaroon.seal(PLAIN[:-6] + "AAAA"),
        "bonded-é" + PLAIN[8:],
    ],
)
def test_what_is_no_token_is_refused_in_words_without_the_text(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        macaroon.read(text)
    assert (caught.value.code, caught.value.status) == ("token-invalid", 401)
    assert PLAIN[8:40] not in str(caught.value)


@given(st.binary(max_size=300))
def test_hostile_bytes_end_in_a_refusal_or_in_nothing_genuine(raw: bytes) -> None:
    text = macaroon.seal("bonded-" + base64.urlsafe_b64encode(raw).decode().rstrip("="))
    read = None
    with suppress(Refusal):  # anything else that is raised fails the test
        read = macaroon.read(text)
    assert read is None or not read.genuine(KEY)


@given(st.data())
def test_one_changed_byte_is_never_genuine(data: st.DataObject) -> None:
    raw = bytearray(base64.urlsafe_b64decode(NARROWED[7:-6] + "==="))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    text = macaroon.seal("bonded-" + base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("="))
    try:
        read = macaroon.read(text)
    except Refusal:
        return
    # The location is a hint and not signed: a change there is the same token.
    same = (read.token_id, read.caveats) == (ID, macaroon.read(NARROWED).caveats)
    assert not read.genuine(KEY) or (same and at < 10)


def test_surrounding_space_is_forgiven() -> None:
    assert macaroon.read(f"  {PLAIN}\r\n").genuine(KEY)


def test_a_token_does_not_show_itself() -> None:
    assert PLAIN[8:30] not in repr(macaroon.read(PLAIN))
