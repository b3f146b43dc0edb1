"""Policy: pure, explained by its terms, the same whatever the order; and policy files with tests of their own."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonded.checks.registry import discover
from bonded.screening.policy import Decision, Exemption, Policy, decide, joined, weigh
from bonded.screening.policy_file import BadPolicy, load_policy
from bonded.screening.run import FAILED
from bonded.screening.terms import Fitted, Term, fitted
from bonded.screening.together import NAME as TOGETHER
from bonded.values.finding import Finding, Severity, When
from bonded.values.states import Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)
S, W = Severity, When


def finding(
    check: str, severity: Severity, confidence: float = 0.9, when: When = W.IMPORT, path: str = "a.py"
) -> Finding:
    return Finding(check, 1, severity, confidence, "words", path, 1, 1, when=when)


CASES = [
    ([], Verdict.CLEAR),
    ([finding("a", S.INFO, 1.0)], Verdict.CLEAR),
    ([finding("a", S.LOW, 1.0)], Verdict.CLEAR),
    ([finding("a", S.MEDIUM)], Verdict.REVIEW),
    ([finding("a", S.MEDIUM, when=W.CALL)], Verdict.CLEAR),
    ([finding("a", S.HIGH)], Verdict.REVIEW),
    ([finding("a", S.CRITICAL)], Verdict.REJECT),
    ([finding("a", S.CRITICAL, when=W.CALL)], Verdict.REVIEW),
    ([finding("a", S.CRITICAL, when=W.NEVER)], Verdict.CLEAR),
    ([finding("a", S.HIGH), finding("b", S.HIGH)], Verdict.REJECT),
    ([finding("a", S.HIGH), finding("a", S.HIGH, path="b.py")], Verdict.REVIEW),
    ([finding("check-failed", S.MEDIUM, 1.0, W.NEVER)], Verdict.REVIEW),
    ([finding("unreadable-archive", S.LOW, 0.1)], Verdict.REVIEW),
]


@pytest.mark.parametrize(("findings", "verdict"), CASES)
def test_verdicts(findings: list[Finding], verdict: Verdict) -> None:
    assert decide(findings, Policy()).verdict is verdict


def test_terms_explain_the_score() -> None:
    decision = decide([finding("a", S.HIGH), finding("b", S.LOW), finding("a", S.LOW)], Policy())
    assert [words.split(":")[0] for words, _ in decision.terms] == ["a", "b"]
    assert decision.score == joined(weight for _, weight in decision.terms)
    assert decision.terms[0][0] == ("a: words (a.py:1, runs at import); 0.70 for high of any check × 0.90 sure")


def test_a_fitted_term_goes_before_the_severity_and_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Fitted({("a", "high", "at_once"): Term(0.5, 12, 1)}, 400, 600)
    monkeypatch.setattr("bonded.screening.terms.fitted", lambda: known)
    policy = Policy(terms={("a", "high", "at_once"): 0.5})
    decision = decide([finding("a", S.HIGH), finding("b", S.HIGH)], policy)
    assert [weight for _, weight in decision.terms] == [0.63, 0.45]
    seen = "seen in 12 of 400 campaigns and 1 of 600 ordinary archives"
    assert f"0.50 for high of this check at this time, {seen}" in decision.terms[1][0]
    assert weigh(finding("a", S.HIGH, 1.0, W.CALL), policy) == 0.42


def test_the_shipped_terms_are_weights_of_real_checks() -> None:
    names = {one.name for one in discover()} | {FAILED, TOGETHER}
    assert {check for check, _, _ in fitted().terms} <= names
    assert all(0.0 <= one.weight <= 1.0 for one in fitted().terms.values())
    assert fitted().terms


def test_a_policy_file_may_weigh_a_check_itself(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("fitted = false\n[weights.a]\nhigh = 0.2\n")
    policy = load_policy(path)
    assert (policy.weights, policy.terms) == ({("a", "high"): 0.2}, {})
    assert weigh(finding("a", S.HIGH, 1.0), policy) == 0.2
    assert policy.fingerprint() != Policy().fingerprint()
    path.write_text("[weights.a]\nhigh = 1.2\n")
    with pytest.raises(BadPolicy, match=r"weights\.a\.high"):
        load_policy(path)


findings = st.builds(
    finding,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(list(S)),
    st.floats(0, 1),
    st.sampled_from(list(W)),
    st.sampled_from(["a.py", "b.py"]),
)


@given(st.lists(findings, max_size=6))
def test_the_order_makes_no_difference_and_more_evidence_never_clears(every: list[Finding]) -> None:
    decision = decide(every, Policy())
    for order in itertools.islice(itertools.permutations(every), 6):
        assert decide(order, Policy()) == decision
    assert 0 <= decision.score <= 1
    if every:
        assert decide(every[1:], Policy()).score <= decision.score + 1e-9


def test_exemptions_hold_for_their_project_path_and_time() -> None:
    rule = Exemption("a", "known", "our-*", "a*", datetime(2026, 2, 1, tzinfo=UTC))
    policy = Policy(exemptions=(rule,))
    bad = [finding("a", S.CRITICAL)]
    assert decide(bad, policy.at("our-tool", NOW)).verdict is Verdict.CLEAR
    assert decide(bad, policy.at("other", NOW)).verdict is Verdict.REJECT
    assert decide(bad, policy.at("our-tool", datetime(2026, 3, 1, tzinfo=UTC))).verdict is Verdict.REJECT
    assert decide([finding("a", S.CRITICAL, path="b.py")], policy.at("our-tool", NOW)).verdict is Verdict.REJECT
    assert decide([finding("b", S.CRITICAL)], policy.at("our-tool", NOW)).verdict is Verdict.REJECT


def test_one_finding_is_never_certain() -> None:
    assert weigh(finding("a", S.CRITICAL, 1.0), Policy()) == 0.99


def test_a_fingerprint_changes_with_the_policy() -> None:
    assert Policy().fingerprint() == Policy().fingerprint()
    assert Policy(review=0.3).fingerprint() != Policy().fingerprint()
    assert Policy(exemptions=(Exemption("a", "b"),)).fingerprint() != Policy().fingerprint()


FILE = """
always_review = ["check-failed"]
[thresholds]
review = 0.3
reject = 0.7
[severity]
low = 0.5
[when]
call = 1.0
[[exemptions]]
check = "startup-hook"
project = "our-*"
reason = "Our own hook, reviewed."
expires = 2027-01-01T00:00:00Z
[[tests]]
name = "low is looked at"
findings = [{ check = "a", severity = "low", confidence = 0.9, when = "call" }]
expect = "review"
[[tests]]
name = "our hook"
project = "our-tool"
findings = [{ check = "startup-hook", severity = "critical", confidence = 0.9, when = "startup" }]
expect = "clear"
"""


def test_a_policy_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(FILE)
    policy = load_policy(path)
    assert (policy.review, policy.reject, policy.severities[S.LOW], policy.severities[S.HIGH]) == (0.3, 0.7, 0.5, 0.7)
    assert policy.always_review == ("check-failed",)
    assert policy.exemptions[0].reason == "Our own hook, reviewed."
    assert load_policy(None) == load_policy("") == Policy()


BAD = {
    "unknown key": ("[thresholds]\nreveiw = 0.3", "thresholds.reveiw"),
    "out of range": ("[thresholds]\nreview = 3", "thresholds.review"),
    "order": ("[thresholds]\nreview = 0.9\nreject = 0.5", "reject must not be lower"),
    "severity": ("[severity]\nbad = 1", "`severity.bad` in"),
    "weight of a severity": ("[severity]\nhigh = 7", "severity.high"),
    "weight below nothing": ("[severity]\nlow = -0.2", "severity.low"),
    "weight of a time": ("[when]\ncall = 60", "when.call"),
    "weight that is no number": ("[when]\ncall = nan", "when.call"),
    "no reason": ('[[exemptions]]\ncheck = "a"', "exemptions.0.reason"),
    "syntax": ("[", "cannot be read"),
    "UTF-16": ("\0x\0", "it is written in UTF-16; save it as UTF-8"),
    "its own test": ('[[tests]]\nname = "hook"\nfindings = []\nexpect = "reject"', "test 'hook'"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_policy_file_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    text, words = BAD[name]
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(BadPolicy) as caught:
        load_policy(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    with pytest.raises(BadPolicy, match="cannot be read"):
        load_policy(tmp_path / "nothing.toml")


def test_an_exemption_holds_however_its_project_is_written(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(FILE.replace("our-*", "Our_*").replace("our-tool", "Our.Tool"))
    policy = load_policy(path)
    hook = finding("startup-hook", S.CRITICAL)
    assert decide([hook], policy.at("our-tool", NOW)).verdict is Verdict.CLEAR
    assert decide([hook], policy.at("your-tool", NOW)).verdict is not Verdict.CLEAR


def test_a_decision_is_a_value() -> None:
    assert decide([], Policy()) == Decision(Verdict.CLEAR, 0.0, ())


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('always_review = ["check-failed", "startup-hok"]', "always_review.1"),
        ("[weights.startup-hok]\nhigh = 0.1", "weights.startup-hok"),
        ('[[exemptions]]\ncheck = "startup-hok"\nreason = "ours"', "exemptions.0.check"),
        (
            '[[tests]]\nname = "t"\nexpect = "clear"\nfindings = [{check = "startup-hok", severity = "low", confidence = 0.1}]',
            "tests.0.findings",
        ),
    ],
)
def test_a_check_that_is_misspelt_is_told_with_what_was_meant(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(BadPolicy, match=rf"`{key}` .* names no check: 'startup-hok'\. Did you mean 'startup-hook'\?"):
        load_policy(path)


def test_a_check_of_a_plug_in_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('always_review = ["check-failed", "our-own-look"]\n[[exemptions]]\ncheck = "*"\nreason = "all"\n')
    assert load_policy(path).always_review == ("check-failed", "our-own-look")
