"""From `bonded.toml` to the rules about people, and the command that invites."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from bonded.accounts import breached, registration_invitations
from bonded.accounts.registration_rules import Mode
from bonded.cli import bonded
from bonded.settings import SettingsError
from bonded.values.refusals import Refusal
from bonded.wiring import House, open_house


def house(folder: Path, text: str = "") -> House:
    (folder / "bonded.toml").write_text(f'url = "https://index.example.invalid/"\n{text}')
    (folder / "run").mkdir(exist_ok=True)
    return open_house(folder)


def test_nobody_registers_unless_the_operator_says_so(tmp_path: Path) -> None:
    made = house(tmp_path)
    assert made.registration_rules.mode is Mode.CLOSED
    assert made.ranges is None
    assert made.mail_domains is None
    assert not made.ask_mail, "without mail nobody could answer"


def test_rules_of_registration(tmp_path: Path) -> None:
    (tmp_path / "throwaway.txt").write_text("# a list\nthrowaway.example\n  BÜCHER.example.  # and another\n\n")
    rules = house(
        tmp_path,
        '[registration]\nmode = "open"\nrefused_domains_file = "throwaway.txt"\nrefused_domains = ["bad.example"]\n'
        'prohibited_names = ["acme"]\nper_hour = 3\n',
    ).registration_rules
    assert (rules.mode, rules.per_hour) == (Mode.OPEN, 3)
    for domain in ("throwaway.example", "x.throwaway.example", "xn--bcher-kva.example", "bad.example"):
        with pytest.raises(Refusal, match="not taken"):
            rules.domains.check(f"a@{domain}")
    rules.domains.check("a@notthrowaway.example")
    with pytest.raises(Refusal, match="nobody gets"):
        rules.check_name("ACM-E")


def test_a_list_of_leaked_passwords(tmp_path: Path) -> None:
    digest = hashlib.sha1(b"leaked password", usedforsecurity=False).hexdigest().upper()
    (tmp_path / "leaked").write_text(f"{digest}:12\n")
    ranges = house(tmp_path, '[account]\nbreached_passwords = "leaked"\n').ranges
    assert ranges
    assert breached.known(ranges, "leaked password")


@pytest.mark.parametrize(
    ("text", "key", "part"),
    [
        ('[registration]\nrefused_domains_file = "gone"\n', "registration.refused_domains_file", "registration_rules"),
        ('[account]\nbreached_passwords = "gone"\n', "account.breached_passwords", "ranges"),
        (
            '[account]\ncheck_mail_domains = true\ndns_servers = ["not a server"]\n',
            "account.dns_servers",
            "mail_domains",
        ),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, key: str, part: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"`{key}`")):
        getattr(house(tmp_path, text), part)


def test_the_mailbox_is_asked_where_mail_is_sent(tmp_path: Path) -> None:
    assert house(tmp_path, '[mail]\ntransport = "smtp"\n').ask_mail
    assert not house(tmp_path, '[mail]\ntransport = "smtp"\n[account]\nconfirm_unusual = "never"\n').ask_mail
    assert house(tmp_path, '[account]\nconfirm_unusual = "always"\n').ask_mail


def test_an_invitation(tmp_path: Path, migrated_sqlite: Path) -> None:
    (tmp_path / "bonded.db").write_bytes(migrated_sqlite.read_bytes())
    made = house(tmp_path, '[registration]\nmode = "invitation"\n')
    result = CliRunner().invoke(bonded, ["user", "invite", "Ann@Example.net", "--dir", str(tmp_path)])
    assert result.exit_code == 0, result.output
    found = re.fullmatch(
        r"https://index\.example\.invalid/account/register/\?invitation=([\w-]{43})", result.stdout.strip()
    )
    assert found
    with made.db.read() as conn:
        assert registration_invitations.address(conn, found[1], now=made.clock()) == "Ann@example.net"
    bad = CliRunner().invoke(bonded, ["user", "invite", "nonsense", "--dir", str(tmp_path)])
    assert isinstance(bad.exception, Refusal)
