"""`bonded user` and `bonded token`: data on standard output, words on standard error, refusals in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bonded.accounts import macaroon, passwords, people, tokens
from bonded.accounts.hashing import Verified
from bonded.cli import bonded
from bonded.cli.people import Duration
from bonded.values.refusals import Refusal
from bonded.wiring import House, open_house


@pytest.fixture
def house(migrated_sqlite: Path, tmp_path: Path) -> House:
    (tmp_path / "bonded.toml").write_text('url = "https://index.example.invalid/"\n')
    (tmp_path / "bonded.db").write_bytes(migrated_sqlite.read_bytes())
    (tmp_path / "run").mkdir()
    return open_house(tmp_path)


def run(house: House, *words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(bonded, [*words, "--dir", str(house.directory)], input=stdin)


def done(house: House, *words: str, stdin: str = "") -> str:
    result = run(house, *words, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(house: House, *words: str, stdin: str = "") -> str:
    result = run(house, *words, stdin=stdin)
    assert isinstance(result.exception, Refusal), result.output
    assert result.stdout == ""
    return result.exception.code


def test_a_person_with_a_link(house: House) -> None:
    result = run(house, "user", "create", "alice", "--email", "a@example.invalid", "--admin")
    assert result.exit_code == 0
    link = result.stdout.strip()
    assert link.startswith("https://index.example.invalid/account/set-password/")
    secret = link.split("/")[-2]
    now = house.clock()
    user_id = passwords.set_by_link(house.db, secret, "three random words", ip="", agent="", now=now)
    with house.db.read() as conn:
        alice = people.by_name(conn, "alice")
    assert alice
    assert (alice.id, alice.is_admin, alice.has_password) == (user_id, True, True)
    assert done(house, "user", "link", "alice").strip() != link


def test_a_person_with_a_password(house: House) -> None:
    words = ("user", "create", "bob", "--email", "b@example.invalid", "--password-stdin")
    assert done(house, *words, stdin="three random words\r\n") == ""
    with house.db.read() as conn:
        bob = people.need(conn, "bob")
        assert passwords.verify(people.password_hash(conn, bob.id), "three random words") == Verified(True, False)
    assert refused(house, *words, stdin="three random words\n") == "user-name-taken"


def test_a_weak_password_makes_no_account(house: House) -> None:
    words = ("user", "create", "bob", "--email", "b@example.invalid", "--password-stdin")
    assert refused(house, *words, stdin="short\n") == "weak-password"
    assert json.loads(done(house, "user", "list", "--json")) == []


def test_listing_and_freezing(house: House) -> None:
    done(house, "user", "create", "alice", "--email", "a@example.invalid", "--admin")
    assert done(house, "user", "list") == "alice\ta@example.invalid\tactive, administrator\n"
    done(house, "user", "freeze", "alice", "--reason", "stolen laptop")
    (listed,) = json.loads(done(house, "user", "list", "--json"))
    assert (listed["name"], listed["state"], listed["has_password"]) == ("alice", "frozen", False)
    done(house, "user", "unfreeze", "alice", "--reason", "laptop found")
    assert refused(house, "user", "freeze", "nobody", "--reason", "why not") == "no-such-user"


def test_a_token_and_nothing_else_on_standard_output(house: House) -> None:
    done(house, "user", "create", "alice", "--email", "a@example.invalid")
    options = ("--project", "Alpha", "--project", "b_eta", "--expires", "12h", "--permission", "yank", "--name", "ci")
    text = done(house, "token", "create", "alice", *options)
    assert text.startswith("bonded-")
    assert text == text.strip() + "\n"
    now = house.clock()
    with house.db.read() as conn:
        bearer = tokens.check(
            conn, text.strip(), sealer=house.sealer, permission="yank", project="b-eta", now=now, ip=""
        )
        (listed,) = tokens.of_user(conn, bearer.user.id)
    assert bearer.operator
    assert bearer.projects == ("alpha", "b-eta")
    assert round((listed.expires_at - listed.created_at).total_seconds()) == 12 * 3600
    assert done(house, "token", "list", "alice") == f"{listed.id}\tci\tlive\talpha, b-eta\tnever used\n"
    done(house, "token", "revoke", listed.id)
    (row,) = json.loads(done(house, "token", "list", "alice", "--json"))
    assert row["state"] == "revoked"
    assert text.strip() not in json.dumps(row)
    assert refused(house, "token", "revoke", listed.id) == "no-such-token"


def test_two_tokens_need_no_names(house: House) -> None:
    done(house, "user", "create", "alice", "--email", "a@example.invalid")
    assert done(house, "token", "create", "alice") != done(house, "token", "create", "alice")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("token", "create", "nobody"), "no-such-user"),
        (("token", "create", "alice", "--permission", "everything"), "token-form"),
        (("token", "create", "alice", "--expires", "9999d"), "token-form"),
        (("token", "create", "alice", "--project", "-x-"), "invalid-name"),
        (("user", "create", "a b", "--email", "a@example.invalid"), "invalid-user-name"),
        (("user", "create", "carol", "--email", "nonsense"), "invalid-email"),
    ],
)
def test_refusals(house: House, words: tuple[str, ...], code: str) -> None:
    done(house, "user", "create", "alice", "--email", "a@example.invalid")
    assert refused(house, *words) == code


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "90", "1.5d", "90 d", "1y", "999999d"])
def test_a_duration_that_is_none(house: House, text: str) -> None:
    result = run(house, "token", "create", "alice", "--expires", text)
    assert result.exit_code == 2
    assert "duration" in result.stderr
    assert Duration().convert("4w", None, None).days == 28


def test_narrowing_needs_no_server() -> None:
    plain = macaroon.mint("0123456789abcdefghjkmnpqrs", b"k" * 32)
    words = ["token", "narrow", "--project", "Al_pha", "--permission", "upload", "--network", "192.0.2.0/24"]
    result = CliRunner().invoke(bonded, [*words, "--expires", "1h"], input=plain + "\n")
    assert result.exit_code == 0
    read = macaroon.read(result.stdout)
    assert read.genuine(b"k" * 32)
    assert [c[:4] for c in read.caveats] == ["[1, ", "[100", "[0, ", "[101"]
    bad = CliRunner().invoke(bonded, ["token", "narrow", "--network", "nonsense"], input=plain)
    assert bad.exit_code == 2
    wrong = CliRunner().invoke(bonded, ["token", "narrow"], input="bonded-nonsense")
    assert isinstance(wrong.exception, Refusal)
