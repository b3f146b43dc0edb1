"""What is installed may be shipped with us, and a licence that nobody has looked at is seen."""

from __future__ import annotations

import pytest
from tools.licences import BY_NAME, NEVER_SHIPPED, Found, accepted, installed, problems, shipped_names

from tests.story import clients


def test_everything_installed_has_an_accepted_licence() -> None:
    found = list(installed())
    assert len(found) > 50
    assert list(problems(iter(found), shipped_names())) == []


def test_the_signer_process_has_accepted_licences_too() -> None:
    (packages,) = (clients.environment(clients.SIGNER) / "lib").glob("python3*/site-packages")
    found = list(installed(packages))
    assert {"boto3", "google-cloud-kms", "azure-keyvault-keys", "hvac", "python-pkcs11"} <= {
        each.name for each in found
    }
    assert list(problems(iter(found), frozenset(each.name for each in found))) == []


def test_what_is_only_for_development_is_not_shipped() -> None:
    assert not NEVER_SHIPPED & shipped_names()
    assert {name for name, (licence, _) in BY_NAME.items() if licence.startswith("GPL")} <= NEVER_SHIPPED


@pytest.mark.parametrize("licence", ["AGPL-3.0-only", "MIT AND GPL-3.0-only", "", "Proprietary"])
def test_a_licence_that_nobody_accepted_is_named(licence: str) -> None:
    wrong = list(problems(iter([Found("newcomer", licence)]), frozenset({"newcomer"})))
    assert len(wrong) == 1
    assert "newcomer" in wrong[0]


def test_a_development_tool_in_production_is_named() -> None:
    assert list(problems(iter([Found("djlint", "GPL-3.0-or-later")]), frozenset({"djlint"})))


@pytest.mark.parametrize(
    ("expression", "right"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR GPL-3.0-only) AND BSD-3-Clause", True),
        ("GPL-3.0-only AND (MIT OR BSD-3-Clause)", False),
        ("GPL-3.0-only AND MIT OR BSD-3-Clause", True),
        ("MIT MIT", False),
        ("", False),
    ],
)
def test_expressions(expression: str, right: bool) -> None:
    assert accepted(expression) is right
