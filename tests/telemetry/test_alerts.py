"""The shipped alerts and the page that explains them: every figure and label that they name exists, everything is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from bonded.telemetry.measures import ALL, Kind
from bonded.values.alarms import KINDS, Severity

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "bonded.rules.yml"
PAGE = (ROOT / "docs" / "operator" / "monitoring.md").read_text("utf-8")
FUNCTIONS = {"rate", "increase", "sum", "absent", "histogram_quantile", "max", "min"}
WORDS = {"by", "and", "or", "unless", "le", "without", "check"}
TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>"[^"\\]*") | (?P<range>\[\d+[smhd]\]) | (?P<number>\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_]\w*) | (?P<op>=~|!~|!=|==|>=|<=|[-+*/<>=(){},])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Alert:
    name: str
    expr: str
    severity: str
    summary: str


def alerts() -> list[Alert]:
    (group,) = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [
        Alert(rule["alert"], rule["expr"], rule["labels"]["severity"], rule["annotations"]["summary"])
        for rule in group["rules"]
    ]


def tokens(expr: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each token. Raises ValueError for what is none."""
    at = 0
    while at < len(expr.rstrip()):
        found = TOKEN.match(expr, at)
        if not found or not found.lastgroup:
            raise ValueError(f"not a token: {expr[at : at + 20]!r}")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def series() -> dict[str, set[str]]:
    """Every name that /metrics tells, with its labels."""
    names: dict[str, set[str]] = {"up": {"job", "instance"}}
    for name, measure in ALL.items():
        labels = set(measure.labels)
        if measure.kind is Kind.COUNTER:
            names[f"{name}_total"] = labels
        elif measure.kind is Kind.LEVEL:
            names[name] = labels
        else:
            names |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
    return names


def problems(expr: str) -> list[str]:
    """What is wrong with an expression, as far as a reader of tokens can tell."""
    found, known, depth = [], series(), 0
    labels: set[str] | None = None
    inside = False
    last = ""
    for kind, text in tokens(expr):
        if kind == "op":
            depth += (text in "({") - (text in ")}")
            inside = (inside or text == "{") and text != "}"
        elif kind == "word" and inside:
            found += [f"{last} has no label {text}"] if labels is not None and text not in labels else []
        elif kind == "word" and text in known:
            labels, last = known[text], text
        elif kind == "word" and text not in FUNCTIONS | WORDS:
            found.append(f"nothing is called {text}")
        if depth < 0:
            found.append("a bracket closes that was not opened")
    return found + (["a bracket is not closed"] if depth else [])


@pytest.mark.parametrize("alert", alerts(), ids=lambda a: a.name)
def test_an_alert_can_be_evaluated_and_is_explained(alert: Alert) -> None:
    assert problems(alert.expr) == []
    assert alert.severity in set(Severity)
    assert alert.name.startswith("Bonded")
    assert alert.summary.endswith(".")
    assert f"`{alert.name}`" in PAGE, "docs/operator/monitoring.md says what to do"


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        ("bonded_nothing > 0", "nothing is called bonded_nothing"),
        ("bonded_http_requests > 0", "nothing is called bonded_http_requests"),
        ('bonded_jobs_dead{colour="red"} > 0', "bonded_jobs_dead has no label colour"),
        ("rate(bonded_publications_total[5m] > 0", "a bracket is not closed"),
        ("bonded_jobs_dead) > 0", "a bracket closes"),
        ("deriv(bonded_jobs_dead[5m])", "nothing is called deriv"),
    ],
)
def test_what_the_check_finds(expr: str, words: str) -> None:
    assert words in " ".join(problems(expr))


def test_what_is_no_token_is_found() -> None:
    with pytest.raises(ValueError, match="not a token"):
        problems("bonded_jobs_dead @@ 3")


def test_alerts_have_names_of_their_own() -> None:
    names = [alert.name for alert in alerts()]
    assert len(names) == len(set(names))
    assert len(names) > 10


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_alarm_has_its_section_for_the_middle_of_the_night(kind: str) -> None:
    sections = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    (mine,) = [text for text in sections if f"`{kind}`" in text.splitlines()[0]]
    assert len(mine.split()) > 30, "what it means, and what to do"
