"""Which claims say what is being built: one shape for each kind of build service. Pure.

A publisher names a build by a few fields that its owner fills in, such as a repository and a workflow. A shape says which claims of an
identity must agree with them (OpenID Connect Core 1.0, section 2, and what each service documents), by which of them publishers are
found, and which claims never change for one repository: those are taken at the first use and must be the same ever after, so that
nobody who gets an abandoned account name, and makes a repository of the old name in it, can publish.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, str]
Claims = Mapping[str, Any]
Agrees = Callable[[Values, Claims], bool]


def _(text: str) -> str:
    """Marks a string for translation."""
    return text


@dataclass(frozen=True, slots=True)
class Field:
    """What an owner fills in. `hint` is an example; `pattern` what it looks like, whole."""

    name: str
    label: str
    hint: str = ""
    required: bool = True
    pattern: str = r"[^\s\x00-\x1f\x7f]+"

    def valid(self, value: str) -> bool:
        return (not self.required and not value) or (
            len(value) <= 200 and re.fullmatch(self.pattern, value) is not None
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A claim, and whether it agrees with what was filled in."""

    claim: str
    agrees: Agrees


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of build service. `issuer` is the address that `iss` has unless the operator says another, "" for none.

    `found_by` are a text of the fields and the same of the claims; `pins` the claims that never change.
    """

    name: str
    title: str
    issuer: str
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...]
    found_by: tuple[Callable[[Values], str], Callable[[Claims], str]]
    pins: tuple[str, ...] = ()

    def lookup(self, values: Values) -> str:
        """What publishers with these fields are stored under."""
        return self.found_by[0](values)

    def lookup_of(self, claims: Claims) -> str:
        """The same, from an identity; "" when it cannot be one of this shape."""
        return self.found_by[1](claims)

    def disagreeing(self, values: Values, pinned: Claims, claims: Claims) -> list[str]:
        """The claims that do not agree with a publisher; [] is a match."""
        wrong = [rule.claim for rule in self.rules if not rule.agrees(values, claims)]
        return wrong + [name for name, value in pinned.items() if claims.get(name) != value]

    def pins_of(self, claims: Claims) -> dict[str, Any]:
        """What is to be the same from now on."""
        return {name: claims[name] for name in self.pins if isinstance(claims.get(name), str | int)}


def same(claim: str, field: str, *, fold: bool = False) -> Rule:
    """The claim is what the field says; where nothing was filled in, anything will do. `fold`: whatever the case."""

    def agrees(values: Values, claims: Claims) -> bool:
        wanted, found = values.get(field, ""), claims.get(claim)
        if not wanted:
            return True
        if not isinstance(found, str):
            return False
        return found.casefold() == wanted.casefold() if fold else found == wanted

    return Rule(claim, agrees)


def exactly(claim: str, value: object) -> Rule:
    """The claim is there and is `value`, whatever was filled in."""
    return Rule(claim, lambda _values, claims: claims.get(claim) is value)


def holds(claim: str, field: str) -> Rule:
    """The claim is a list with what the field says; where nothing was filled in, anything will do."""

    def agrees(values: Values, claims: Claims) -> bool:
        found = claims.get(claim)
        return not values.get(field) or (isinstance(found, list) and values[field] in found)

    return Rule(claim, agrees)


def _text(claims: Claims, *names: str) -> str:
    found = [claims.get(name) for name in names]
    return " ".join(one for one in found if isinstance(one, str)) if all(isinstance(f, str) for f in found) else ""


def _repository(values: Values) -> str:
    return f"{values['owner']}/{values['repository']}"


def _github_workflow(values: Values, claims: Claims) -> bool:
    """OWNER/REPOSITORY/.github/workflows/FILE@REF, where REF is the claim `ref` or, for want of one, `sha`."""
    path, file = f"{_repository(values)}/.github/workflows/", f"{values['workflow']}@"
    found = _text(claims, "job_workflow_ref")
    refs = [claims.get(name) for name in ("ref", "sha")]
    if found[: len(path)].casefold() != path.casefold() or not found[len(path) :].startswith(file):
        return False
    return found[len(path) + len(file) :] in [ref for ref in refs if isinstance(ref, str) and ref]


def _gitlab_workflow(values: Values, claims: Claims) -> bool:
    """HOST/NAMESPACE/PROJECT//FILE@REF, where HOST is that of the issuer and REF the claim `ref_path` or `sha`."""
    host = _text(claims, "iss").removeprefix("https://").removeprefix("http://").rstrip("/")
    path, file = f"{host}/{values['namespace']}/{values['project']}//", f"{values['workflow']}@"
    found = _text(claims, "ci_config_ref_uri")
    refs = [claims.get(name) for name in ("ref_path", "sha")]
    if found[: len(path)].casefold() != path.casefold() or not found[len(path) :].startswith(file):
        return False
    return found[len(path) + len(file) :] in [ref for ref in refs if isinstance(ref, str) and ref]


_NAME = r"[A-Za-z0-9_.-]+"
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ENVIRONMENT = Field("environment", _("Environment"), _("such as release; empty: any"), False, r"[^\x00-\x1f\x7f]+")

GITHUB = Shape(
    "github",
    "GitHub Actions",
    "https://token.actions.githubusercontent.com",
    (
        Field("owner", _("Owner of the repository"), _("a person or an organisation"), pattern=_NAME),
        Field("repository", _("Name of the repository"), pattern=_NAME),
        Field("workflow", _("File of the workflow"), _("such as release.yml"), pattern=r"[^/\s]+\.ya?ml"),
        _ENVIRONMENT,
    ),
    (
        Rule("repository", lambda v, c: _text(c, "repository").casefold() == _repository(v).casefold()),
        same("repository_owner", "owner", fold=True),
        Rule("job_workflow_ref", _github_workflow),
        same("environment", "environment", fold=True),
    ),
    (lambda v: _repository(v).lower(), lambda c: _text(c, "repository").lower()),
    ("repository_id", "repository_owner_id"),
)
GITLAB = Shape(
    "gitlab",
    "GitLab CI/CD",
    "https://gitlab.com",
    (
        Field("namespace", _("Namespace"), _("group, groups within groups, or person"), pattern=rf"{_NAME}(/{_NAME})*"),
        Field("project", _("Name of the project at the build service"), pattern=_NAME),
        Field("workflow", _("File of the pipeline"), _("usually .gitlab-ci.yml"), pattern=r"[^\s@]+\.ya?ml"),
        _ENVIRONMENT,
    ),
    (
        Rule(
            "project_path",
            lambda v, c: _text(c, "project_path").casefold() == f"{v['namespace']}/{v['project']}".casefold(),
        ),
        Rule("ci_config_ref_uri", _gitlab_workflow),
        same("environment", "environment", fold=True),
    ),
    (lambda v: f"{v['namespace']}/{v['project']}".lower(), lambda c: _text(c, "project_path").lower()),
    ("project_id", "namespace_id"),
)
GOOGLE = Shape(
    "google",
    "Google Cloud",
    "https://accounts.google.com",
    (
        Field("email", _("E-mail address of the service account"), pattern=r"[^\s@]+@[^\s@]+"),
        Field("subject", _("Its numeric subject"), _("empty: whoever has the address"), False, r"[0-9]+"),
    ),
    (same("email", "email"), exactly("email_verified", True), same("sub", "subject")),
    (lambda v: v["email"], lambda c: _text(c, "email")),
    ("sub",),
)
_CIRCLE = "oidc.circleci.com/"
CIRCLECI = Shape(
    "circleci",
    "CircleCI",
    "",
    (
        Field("project", _("Id of the project at the build service"), pattern=_UUID),
        Field("pipeline", _("Id of the pipeline definition"), pattern=_UUID),
        Field("context", _("Id of a context"), _("empty: any"), False, _UUID),
    ),
    (
        same(f"{_CIRCLE}project-id", "project"),
        same(f"{_CIRCLE}pipeline-definition-id", "pipeline"),
        holds(f"{_CIRCLE}context-ids", "context"),
        exactly(f"{_CIRCLE}ssh-rerun", False),
    ),
    (lambda v: v["project"], lambda c: _text(c, f"{_CIRCLE}project-id")),
)
BUILDKITE = Shape(
    "buildkite",
    "Buildkite",
    "https://agent.buildkite.com",
    (
        Field("organization", _("Organisation"), pattern=_NAME),
        Field("pipeline", _("Pipeline"), pattern=_NAME),
        Field("branch", _("Branch"), _("empty: any"), False),
        Field("step", _("Key of the step"), _("empty: any"), False),
    ),
    (
        same("organization_slug", "organization"),
        same("pipeline_slug", "pipeline"),
        same("build_branch", "branch"),
        same("step_key", "step"),
    ),
    (
        lambda v: f"{v['organization']} {v['pipeline']}",
        lambda c: _text(c, "organization_slug", "pipeline_slug"),
    ),
    ("organization_id", "pipeline_id"),
)
SEMAPHORE = Shape(
    "semaphore",
    "Semaphore",
    "",
    (
        Field("organization", _("Id of the organisation"), pattern=_UUID),
        Field("project", _("Id of the project at the build service"), pattern=_UUID),
        Field("repository", _("Repository, as owner/name"), pattern=rf"{_NAME}/{_NAME}"),
    ),
    (same("org_id", "organization"), same("prj_id", "project"), same("repo_slug", "repository", fold=True)),
    (lambda v: v["project"], lambda c: _text(c, "prj_id")),
)
SHAPES = {one.name: one for one in (GITHUB, GITLAB, GOOGLE, CIRCLECI, BUILDKITE, SEMAPHORE)}


def custom(title: str, required: Mapping[str, str], optional: Mapping[str, str], pins: tuple[str, ...]) -> Shape:
    """The shape of any other issuer: claims that are compared as they are, with a label each, in the order given."""
    fields = [Field(claim, label) for claim, label in required.items()]
    fields += [Field(claim, label, _("empty: any"), False) for claim, label in optional.items()]
    first = next(iter(required))
    rules = tuple(same(one.name, one.name) for one in fields)
    return Shape("custom", title, "", tuple(fields), rules, (lambda v: v[first], lambda c: _text(c, first)), pins)
