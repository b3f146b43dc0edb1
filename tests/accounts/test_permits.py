"""The matrix of permissions against a table that was written by hand, from the meaning of each act and not from the code.

Each row: action; who may do it in the browser; who may do it with an API token; which permission that token needs; whether
a fresh proof of identity is needed ("now": one of the last ten seconds). Who: A nobody logged in, U anybody logged in, M maintainer, O owner, X administrator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product

import pytest

from bonded.accounts import permits
from bonded.accounts.permits import Allowed, Denied, decide
from bonded.values.actions import ACTIONS, Action, Who
from bonded.values.refusals import CATALOGUE, Refusal
from bonded.values.states import AccountState, Role

TABLE = """
file.upload                | MO    | MO    | upload | no
file.publish               | -     | -     | -      | no
file.hold                  | -     | -     | -      | no
file.refuse                | -     | -     | -      | no
file.withdraw              | -     | -     | -      | no
file.yank                  | MO    | MO    | yank   | no
file.unyank                | MO    | MO    | yank   | no
file.delete                | O     | -     | -      | fresh
project.create             | UMOX  | UMOX  | upload | no
project.archive            | O     | -     | -      | no
project.unarchive          | O     | -     | -      | no
project.deprecate          | O     | -     | -      | no
project.undeprecate        | O     | -     | -      | no
project.delete             | O     | -     | -      | fresh
project.manage             | MO    | -     | -      | no
role.add                   | O     | -     | -      | fresh
role.remove                | O     | -     | -      | fresh
file.stage                 | -     | -     | -      | no
file.approve               | O     | -     | -      | fresh
file.decline               | O     | -     | -      | no
project.start-dual         | O     | -     | -      | fresh
project.ask-end-dual       | O     | -     | -      | fresh
project.keep-dual          | O     | -     | -      | no
project.end-dual           | O     | -     | -      | fresh
project.mark-critical      | X     | -     | -      | no
project.unmark-critical    | X     | -     | -      | no
role.leave                 | MO    | -     | -      | fresh
role.invite                | O     | -     | -      | fresh
role.accept                | UMOX  | -     | -      | no
role.decline               | AUMOX | AUMOX | any    | no
role.revoke-invitation     | O     | -     | -      | no
role.expire-invitation     | -     | -     | -      | no
account.export             | UMOX  | -     | -      | fresh
account.delete             | UMOX  | -     | -      | fresh
account.set-mails          | UMOX  | -     | -      | no
recovery.ask               | AUMOX | AUMOX | any    | no
recovery.link              | -     | -     | -      | no
recovery.see               | AUMOX | AUMOX | any    | no
recovery.prove-token       | AUMOX | AUMOX | any    | no
recovery.name-repository   | AUMOX | AUMOX | any    | no
recovery.begin             | AUMOX | AUMOX | any    | no
recovery.notice            | -     | -     | -      | no
recovery.stop              | AUMOX | AUMOX | any    | no
recovery.ready             | -     | -     | -      | no
recovery.overdue           | -     | -     | -      | no
recovery.agree             | X     | -     | -      | fresh
recovery.refuse            | X     | -     | -      | no
recovery.reset             | -     | -     | -      | no
recovery.expire            | -     | -     | -      | no
policy.set-factors         | X     | -     | -      | fresh
review.see                 | X     | -     | -      | no
review.release             | X     | -     | -      | no
review.quarantine          | X     | -     | -      | no
review.reject              | X     | -     | -      | no
review.remove              | X     | -     | -      | no
review.confirm             | X     | -     | -      | no
review.reopen              | X     | -     | -      | no
review.ask-owner           | X     | -     | -      | no
review.compare             | X     | -     | -      | no
review.undo                | X     | -     | -      | no
review.claim               | X     | -     | -      | no
review.let-go              | X     | -     | -      | no
review.propose-removal     | X     | -     | -      | no
filter.save                | X     | -     | -      | no
filter.forget              | X     | -     | -      | no
review.quarantine-project  | X     | -     | -      | no
review.release-project     | X     | -     | -      | no
screening.submit           | UMOX  | UMOX  | screen | no
screening.read             | UMOX  | UMOX  | screen | no
webhook.add                | X     | -     | -      | fresh
webhook.rotate             | X     | -     | -      | fresh
webhook.remove             | X     | -     | -      | no
report.make                | AUMOX | AUMOX | any    | no
report.see                 | X     | -     | -      | no
report.link                | X     | -     | -      | no
report.dismiss             | X     | -     | -      | no
advisory.see               | AUMOX | AUMOX | any    | no
user.create                | -     | -     | -      | no
user.login                 | AUMOX | AUMOX | any    | no
user.login-failed          | AUMOX | AUMOX | any    | no
user.second-step           | AUMOX | AUMOX | any    | no
user.second-step-failed    | AUMOX | AUMOX | any    | no
user.logout                | UMOX  | -     | -      | no
user.confirm               | UMOX  | -     | -      | no
user.set-password          | AUMOX | AUMOX | any    | no
user.ask-reset             | AUMOX | AUMOX | any    | no
user.reset-link            | -     | -     | -      | no
user.not-me                | UMOX  | -     | -      | no
user.change-password       | UMOX  | -     | -      | fresh
user.set-language          | UMOX  | -     | -      | no
user.register              | AUMOX | AUMOX | any    | no
user.register-again        | AUMOX | AUMOX | any    | no
user.register-link         | -     | -     | -      | no
user.verify                | AUMOX | AUMOX | any    | no
user.invite                | -     | -     | -      | no
user.resend-login          | AUMOX | AUMOX | any    | no
user.login-link            | -     | -     | -      | no
user.confirm-login         | AUMOX | AUMOX | any    | no
user.void-password         | -     | -     | -      | no
user.ask-email             | UMOX  | -     | -      | fresh
user.resend-email          | UMOX  | -     | -      | no
user.email-link            | -     | -     | -      | no
user.confirm-email         | AUMOX | AUMOX | any    | no
user.change-email          | UMOX  | -     | -      | fresh
user.remove-email          | UMOX  | -     | -      | fresh
user.undo-link             | -     | -     | -      | no
user.undo-email            | AUMOX | AUMOX | any    | no
user.lost-domain           | -     | -     | -      | no
user.forget-browser        | UMOX  | -     | -      | no
user.freeze                | X     | -     | -      | no
user.unfreeze              | X     | -     | -      | no
factor.add                 | UMOX  | -     | -      | fresh
factor.rename              | UMOX  | -     | -      | no
factor.remove              | UMOX  | -     | -      | fresh
factor.make-codes          | UMOX  | -     | -      | now
factor.prove-codes         | UMOX  | -     | -      | no
factor.use-code            | AUMOX | AUMOX | any    | no
account.see                | UMOX  | -     | -      | no
session.end                | UMOX  | -     | -      | no
session.end-others         | UMOX  | -     | -      | no
token.create               | UMOX  | -     | -      | fresh
token.revoke               | UMOX  | -     | -      | no
token.rotate               | UMOX  | -     | -      | fresh
token.leaked               | AUMOX | AUMOX | any    | no
token.bind                 | -     | -     | -      | no
token.remind               | -     | -     | -      | no
project.token              | -     | -     | -      | no
publisher.add              | O     | -     | -      | fresh
publisher.remove           | O     | -     | -      | fresh
publisher.adopt            | O     | -     | -      | fresh
publisher.mint             | AUMOX | AUMOX | any    | no
pending-publisher.add      | UMOX  | -     | -      | fresh
pending-publisher.remove   | UMOX  | -     | -      | no
pending-publisher.bind     | -     | -     | -      | no
pending-publisher.expire   | -     | -     | -      | no
pending-publisher.taken    | -     | -     | -      | no
admin.see                  | X     | -     | -      | no
admin.journal              | X     | -     | -      | no
admin.read-private         | X     | -     | -      | no
job.retry                  | X     | -     | -      | no
job.discard                | X     | -     | -      | no
check.set-state            | X     | -     | -      | no
check.suppress             | X     | -     | -      | no
check.unsuppress           | X     | -     | -      | no
check.backfill             | X     | -     | -      | no
check.schedule             | X     | -     | -      | no
campaign.regroup           | X     | -     | -      | no
vulnerability.import       | -     | -     | -      | no
publication.flip           | -     | -     | -      | no
publication.park           | -     | -     | -      | no
publication.recover        | -     | -     | -      | no
project.recover            | -     | -     | -      | no
project.render             | -     | -     | -      | no
file.recover               | -     | -     | -      | no
keys.replace               | -     | -     | -      | no
keys.accounts              | -     | -     | -      | no
keys.ceremony              | -     | -     | -      | no
keys.begin                 | -     | -     | -      | no
keys.step                  | -     | -     | -      | no
keys.end                   | -     | -     | -      | no
keys.cancel                | -     | -     | -      | no
index.alarm                | -     | -     | -      | no
index.alarm-over           | -     | -     | -      | no
index.init                 | -     | -     | -      | no
index.read                 | AUMOX | AUMOX | any    | no
"""


WITH_SECOND_FACTOR = [
    "file.upload",
    "file.yank",
    "file.unyank",
    "file.delete",
    "project.archive",
    "project.unarchive",
    "project.deprecate",
    "project.undeprecate",
    "project.delete",
    "project.manage",
    "role.add",
    "role.remove",
    "role.leave",
    "role.invite",
    "role.revoke-invitation",
    "file.approve",
    "file.decline",
    "project.start-dual",
    "project.ask-end-dual",
    "project.keep-dual",
    "project.end-dual",
    "token.create",
    "token.rotate",
    "publisher.add",
    "publisher.remove",
    "publisher.adopt",
    "pending-publisher.add",
]
"""What nobody does in the browser without a second factor, where the policy asks for one."""


@dataclass(frozen=True)
class Row:
    action: str
    browser: str
    token: str
    permission: str
    fresh: str


ROWS = [Row(*(cell.strip() for cell in line.split("|"))) for line in TABLE.strip().splitlines()]

PEOPLE: dict[str, tuple[Role | None, bool]] = {
    "U": (None, False),
    "M": (Role.MAINTAINER, False),
    "O": (Role.OWNER, False),
    "X": (None, True),
}
SCOPES: list[frozenset[str] | None] = [
    None,
    frozenset(),
    frozenset({"upload"}),
    frozenset({"yank"}),
    frozenset({"upload", "yank"}),
    frozenset({"admin", "*", "file.delete"}),
]
AGES = [None, *(timedelta(seconds=n) for n in (0, 10, 11, 1800, 1801, -1))]
GOOD_AGES = {
    "no": AGES,
    "fresh": [timedelta(seconds=n) for n in (0, 10, 11, 1800)],
    "now": [timedelta(seconds=n) for n in (0, 10)],
}
"""How old the proof may be."""


@dataclass(frozen=True)
class Cell:
    who: str
    account: AccountState | None
    scopes: frozenset[str] | None
    age: timedelta | None
    second_factor: bool = True


def cells() -> Iterator[Cell]:
    for scopes, age in product(SCOPES, AGES):
        yield Cell("A", None, scopes, age)
        for who, state in product(PEOPLE, AccountState):
            yield Cell(who, state, scopes, age)
            yield Cell(who, state, scopes, age, second_factor=False)


def expected(row: Row, cell: Cell) -> bool:
    """The table's answer."""
    anyone = "A" in row.browser
    if cell.account in (AccountState.FROZEN, AccountState.DELETED) and not anyone:
        return False
    if cell.scopes is not None:
        right = row.permission == "any" or row.permission in cell.scopes
        return cell.who in row.token and right
    if not cell.second_factor and row.action in WITH_SECOND_FACTOR:
        return False
    return cell.who in row.browser and cell.age in GOOD_AGES[row.fresh]


Decide = Callable[..., Allowed | Denied]


def wrong(decide: Decide, actions: dict[str, Action]) -> list[tuple[str, Cell]]:
    """Every cell in which the code's answer is not the table's."""
    return list(surprises(decide, actions, ROWS))


def surprises(decide: Decide, actions: dict[str, Action], rows: list[Row]) -> Iterator[tuple[str, Cell]]:
    """The cells of these rows in which the code's answer is not the table's."""
    for row, cell in product(rows, ALL_CELLS):
        role, is_admin = PEOPLE.get(cell.who, (None, False))
        answer = decide(
            actions[row.action],
            account=cell.account,
            is_admin=is_admin,
            role=role,
            scopes=cell.scopes,
            factor_age=cell.age,
            second_factor=cell.second_factor,
        )
        if isinstance(answer, Allowed) is not expected(row, cell):
            yield row.action, cell


def any_wrong(decide: Decide) -> bool:
    """Whether the code's answer is another than the table's in any cell."""
    return any(surprises(decide, ACTIONS, ROWS))


ALL_CELLS = list(cells())


def test_the_table_has_each_action_once() -> None:
    assert sorted(row.action for row in ROWS) == sorted(ACTIONS)


def test_every_cell_is_as_the_table_says() -> None:
    assert len(ROWS) * len(list(cells())) > 20_000
    assert wrong(decide, ACTIONS) == []


def test_a_planted_swap_of_two_actions_is_caught() -> None:
    """As if a route's POST named the action of its GET."""
    for a, b in (("file.delete", "project.manage"), ("review.release", "project.manage"), ("file.yank", "index.read")):
        assert wrong(decide, ACTIONS | {a: ACTIONS[b]})


def test_a_planted_wider_role_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = permits._standing

    def wider(action: Action, is_admin: bool, role: Role | None) -> Denied | None:
        return plain(action, is_admin, Role.OWNER if role is Role.MAINTAINER else role)

    monkeypatch.setattr(permits, "_standing", wider)
    found = wrong(decide, ACTIONS)
    assert {action for action, _ in found} >= {"file.delete", "role.add", "project.archive"}
    assert {cell.who for _, cell in found} == {"M"}


def test_a_planted_default_allow_is_caught() -> None:
    def lax(action: Action, **facts: object) -> Allowed | Denied:
        answer = decide(action, **facts)  # type: ignore[arg-type]
        return Allowed() if answer == Denied(permits.NOT_YOUR_PROJECT) else answer

    assert {cell.who for _, cell in wrong(lax, ACTIONS)} == {"U", "X"}


def test_other_planted_faults_are_caught() -> None:
    def blind(**changed: object) -> Decide:
        return lambda action, **facts: decide(action, **(facts | changed))  # type: ignore[arg-type]

    assert any_wrong(blind(scopes=None)), "token permissions ignored"
    assert any_wrong(blind(factor_age=timedelta(0))), "step-up ignored"
    assert any_wrong(blind(is_admin=True)), "everybody an administrator"
    assert any_wrong(blind(second_factor=True)), "the policy of second factors ignored"

    def never_frozen(action: Action, *, account: AccountState | None, **facts: object) -> Allowed | Denied:
        return decide(action, account=account and AccountState.ACTIVE, **facts)  # type: ignore[arg-type]

    assert any_wrong(never_frozen), "frozen accounts let in"
    for name, action in ACTIONS.items():
        if action.factor:
            mutant = {name: replace(action, factor=False)}
            assert any(surprises(decide, mutant, [row for row in ROWS if row.action == name])), name


def test_a_second_factor_can_be_asked_of_everybody_but_for_their_own_safety() -> None:
    facts = {"account": AccountState.ACTIVE, "role": None, "scopes": None, "factor_age": timedelta(0)}
    without = facts | {"second_factor": False, "everybody": True}
    asked = {
        a.name
        for a in ACTIONS.values()
        if decide(a, is_admin=True, **without) == Denied("second-factor-needed")  # type: ignore[arg-type]
    }
    assert asked >= {"admin.see", "review.release", "project.create", "token.create", "role.accept", "screening.submit"}
    own = {"account.see", "account.delete", "user.logout", "user.change-password", "factor.add", "session.end"}
    assert not asked & (own | {"user.not-me", "user.confirm", "token.revoke", "index.read", "recovery.stop"})
    assert decide(ACTIONS["admin.see"], is_admin=True, **without | {"scopes": frozenset({"upload"})}) == Denied(  # type: ignore[arg-type]
        "token-permission"
    )


def test_a_security_device_can_be_asked_for() -> None:
    facts = {"account": AccountState.ACTIVE, "is_admin": False, "role": Role.OWNER, "factor_age": timedelta(0)}
    for name in ("project.manage", "role.invite", "token.create", "file.approve"):
        assert decide(ACTIONS[name], **facts, scopes=None, device=False) == Denied("security-device-needed")  # type: ignore[arg-type]
        assert decide(ACTIONS[name], **facts, scopes=None) == Allowed()  # type: ignore[arg-type]
    upload = decide(ACTIONS["file.upload"], **facts, scopes=frozenset({"upload"}), device=False)  # type: ignore[arg-type]
    assert upload == Allowed(), "what a token may do was decided when it was made"
    assert decide(ACTIONS["factor.add"], **facts, scopes=None, device=False) == Allowed()  # type: ignore[arg-type]


WIDER = {
    Who.SYSTEM: (Who.ADMIN, Who.OWNER, Who.USER, Who.ANYONE),
    Who.ADMIN: (Who.OWNER, Who.MAINTAINER, Who.USER, Who.ANYONE),
    Who.OWNER: (Who.MAINTAINER, Who.USER, Who.ANYONE, Who.ADMIN),
    Who.MAINTAINER: (Who.USER, Who.ANYONE, Who.ADMIN),
    Who.USER: (Who.ANYONE,),
    Who.ANYONE: (),
}


def mutants() -> Iterator[tuple[str, Action]]:
    """Each single slip of the pen in the table of actions that lets somebody do more, or something else, than is meant."""
    for name, action in ACTIONS.items():
        for who in WIDER[action.who]:
            yield name, replace(action, who=who)
        if action.factor and action.who is not Who.ANYONE:
            yield name, replace(action, factor=False)
        if action.who not in (Who.ANYONE, Who.SYSTEM):
            for scope in {"upload", "yank", None} - {action.scope}:
                if scope in ("upload", "yank") or action.scope in ("upload", "yank"):
                    yield name, replace(action, scope=scope)


def test_every_slip_in_the_table_of_actions_is_caught() -> None:
    survivors = [
        (name, mutant)
        for name, mutant in mutants()
        if not any(surprises(decide, {name: mutant}, [row for row in ROWS if row.action == name]))
    ]
    assert survivors == []
    assert len(list(mutants())) > 300


def test_each_denial_says_what_to_do_about_it() -> None:
    delete = ACTIONS["file.delete"]
    facts = {"account": AccountState.ACTIVE, "is_admin": False, "role": None, "scopes": None, "factor_age": None}
    story = [
        ({"account": None}, "login-required", 401),
        ({"account": AccountState.FROZEN}, "account-frozen", 403),
        ({"scopes": frozenset({"upload"})}, "token-permission", 403),
        ({}, "not-your-project", 403),
        ({"role": Role.MAINTAINER}, "owner-only", 403),
        ({"role": Role.OWNER}, "confirm-required", 403),
    ]
    for changed, code, status in story:
        with pytest.raises(Refusal) as caught:
            permits.require(delete, **(facts | changed))  # type: ignore[arg-type]
        assert (caught.value.code, caught.value.status) == (code, status)
        assert "delete a file" in caught.value.sentence
    permits.require(delete, **(facts | {"role": Role.OWNER, "factor_age": timedelta(minutes=1)}))  # type: ignore[arg-type]
    assert decide(ACTIONS["review.see"], **facts) == Denied("admin-only")  # type: ignore[arg-type]
    assert decide(ACTIONS["file.publish"], **facts) == Denied("system-only")  # type: ignore[arg-type]


def test_the_freshness_of_a_proof_is_a_setting() -> None:
    facts = {"account": AccountState.ACTIVE, "is_admin": False, "role": Role.OWNER, "scopes": None}
    minute, age = timedelta(minutes=1), timedelta(minutes=2)
    assert decide(ACTIONS["file.delete"], **facts, factor_age=age) == Allowed()  # type: ignore[arg-type]
    assert decide(ACTIONS["file.delete"], **facts, factor_age=age, fresh=minute) == Denied("confirm-required")  # type: ignore[arg-type]


def test_every_code_of_a_denial_is_explained() -> None:
    codes = {v for k, v in vars(permits).items() if k.isupper() and isinstance(v, str)}
    assert codes
    assert codes <= CATALOGUE.keys()
