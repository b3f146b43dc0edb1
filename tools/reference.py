"""Write the reference pages that come from the code: settings, actions, refusals, commands. A test compares them.

python -m tools.reference
"""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import click
from pydantic import BaseModel

from bonded import settings
from bonded.accounts.permits import needs_second_factor
from bonded.cli import COMMANDS
from bonded.telemetry.measures import ALL, COUNTS, SECONDS, Kind, Measure
from bonded.values.actions import ACTIONS, Action, Who
from bonded.values.alarms import KINDS
from bonded.values.refusals import CATALOGUE

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `python -m tools.reference` from the code. Change it there. -->\n\n"


def load_rooms() -> None:
    """Import every module that defines refusals, so that the catalogue is whole."""
    for path in sorted((ROOT / "src" / "bonded").rglob("*.py")):
        text = path.read_text("utf-8")
        if "define(" in text and "refusals import" in text:
            importlib.import_module(".".join(path.relative_to(ROOT / "src").with_suffix("").parts))


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; bars and line breaks in cells are made harmless."""
    lines = [head, tuple("---" for _ in head), *rows]
    return (
        "".join(
            "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in line) + " |\n" for line in lines
        )
        + "\n"
    )


def attribute_words(model: type[BaseModel]) -> dict[str, str]:
    """Attribute -> the string that follows it in the source."""
    body = ast.parse(inspect.getsource(model)).body[0]
    assert isinstance(body, ast.ClassDef)
    words = {}
    for here, after in zip(body.body, body.body[1:], strict=False):
        named = isinstance(here, ast.AnnAssign) and isinstance(here.target, ast.Name)
        if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            words[here.target.id] = str(after.value.value)  # type: ignore[union-attr]
    return words


def settings_page() -> str:
    """Every setting with its default and its name in the environment."""
    out = "# Settings\n\n" + NOTE
    out += "Settings are read once, from `bonded.toml` in the data directory; the environment wins. "
    out += "A key that does not exist is an error that names it. "
    out += "In the environment, lists are written as JSON: "
    out += '`BONDED_TRUSTED_PROXIES=\'["10.0.0.7", "10.1.0.0/16"]\'`.\n\n'
    plain = [(n, f) for n, f in settings.Settings.model_fields.items() if not isinstance(f.default, BaseModel)]
    words = attribute_words(settings.Settings)  # type: ignore[arg-type]
    out += "## Without a section\n\n"
    out += table(
        ("key", "default", "environment", "meaning"),
        [(f"`{n}`", f"`{f.default!r}`", f"`BONDED_{n.upper()}`", words.get(n, "")) for n, f in plain],
    )
    for section, field in settings.Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            out += section_text(section, type(field.default))
    return out


def section_text(section: str, model: type[BaseModel]) -> str:
    """One section."""
    words = attribute_words(model)
    rows = [
        (f"`{n}`", f"`{f.default!r}`", f"`BONDED_{section.upper()}__{n.upper()}`", words.get(n, ""))
        for n, f in model.model_fields.items()
    ]  # fmt: skip
    return f"## `[{section}]`\n\n{inspect.getdoc(model)}\n\n" + table(
        ("key", "default", "environment", "meaning"), rows
    )


def actions_page() -> str:
    """The one table of actions."""
    rows = [
        (
            f"`{a.name}`",
            a.label,
            a.who,
            a.scope or "never",
            "step-up" if a.factor else "",
            "second factor" if needs_second_factor(a) else "",
            yes(a.reason),
            histories(a),
            yes(a.changes_index),
            a.notify,
        )
        for a in ACTIONS.values()
    ]
    head = (
        ("action", "what", "least role", "token permission", "factor", "policy", "reason", "event in", "publishes", "mail to")
    )  # fmt: skip
    return "# Actions\n\n" + NOTE + ACTIONS_TEXT + table(head, rows)


ACTIONS_TEXT = """Everything that changes state, or that a permission guards. Nothing that is not here can be done.

- **least role**: who may do it. A token may only with the permission named, and only what its owner may.
- **factor**: `step-up` asks for the password or another factor again, when that was not done in the last half hour (before new
  recovery codes: in the last ten seconds).
- **policy**: where the index demands second factors (the default), nobody does it in the browser without having one.
- **event in**: doing it writes one row of this name into the journal. It is in the administrators' view; in those of the person who did
  it and of the person whom it concerns; and, where it says `project`, in the history of the project. Without it, nothing is written:
  it only guards reading, or another act of the table says how it ended.
- **mail to**: who gets a mail about it.

"""


def histories(action: Action) -> str:
    """Whose histories have the event."""
    if not action.event:
        return ""
    people = "administrators" if action.who is Who.SYSTEM else "people, administrators"
    return f"{people}, project" if action.about_project else people


def yes(value: bool) -> str:
    """Words for a mark."""
    return "yes" if value else ""


def refusals_page() -> str:
    """Every refusal."""
    load_rooms()
    out = (
        "# Refusals\n\n"
        + NOTE
        + "What is refused has a code that never changes. Each is also shown at `/help/refusals/<code>/`.\n\n"
    )
    for kind in sorted(CATALOGUE.values(), key=lambda k: k.code):
        out += f"## {kind.code}\n\n**{kind.title}** (HTTP {kind.status}). {kind.help}\n\n"
    return out


def commands_page() -> str:
    """Every command with its options."""
    out = "# The command `bonded`\n\n" + NOTE
    for name, (module, attribute, _) in COMMANDS.items():
        out += command_text(getattr(importlib.import_module(module), attribute), f"bonded {name}", 2)
    return out


def command_text(command: click.Command, name: str, depth: int) -> str:
    """A command and what is below it."""
    with click.Context(command, info_name=name) as context:
        usage = command.get_usage(context).removeprefix("Usage: ")
        options = [record for p in command.get_params(context) if (record := p.get_help_record(context))]
        below = _below(command, context)
    out = f"{'#' * depth} `{name}`\n\n```text\n{usage}\n```\n\n{inspect.cleandoc(command.help or '')}\n\n"
    options = [o for o in options if "--help" not in o[0]]
    if options:
        out += table(("option", "meaning"), [(f"`{o}`", m) for o, m in options])
    return out + "".join(command_text(sub, f"{name} {sub_name}", min(depth + 1, 4)) for sub_name, sub in below.items())


def _below(command: click.Command, context: click.Context) -> dict[str, click.Command]:
    """The commands of a group by name, those in files of their own included."""
    if not isinstance(command, click.Group):
        return {}
    names = [*command.commands, *(name for name in command.list_commands(context) if name not in command.commands)]
    return {name: sub for name in names if (sub := command.get_command(context, name))}


def metrics_page() -> str:
    """Every figure of /metrics."""
    kinds = {Kind.COUNTER: "counter", Kind.LEVEL: "level", Kind.TIMES: "times", Kind.SIZES: "sizes"}
    rows = [(f"`{shown(one)}`", kinds[one.kind], one.help) for one in ALL.values()]
    out = "# Figures\n\n" + NOTE
    out += "What `/metrics` tells, in the text format of Prometheus. A level is one value; a counter only rises; *times* are "
    out += f"histograms in seconds with bounds {numbers(SECONDS)}; *sizes* are histograms with bounds {numbers(COUNTS)}.\n\n"
    return out + table(("figure", "kind", "meaning"), rows)


def shown(one: Measure) -> str:
    """A figure as it is asked for."""
    labels = "{" + ",".join(one.labels) + "}" if one.labels else ""
    return one.name + ("_total" if one.kind is Kind.COUNTER else "") + labels


def numbers(bounds: tuple[float, ...]) -> str:
    """Bounds of a histogram in a sentence."""
    return ", ".join(f"{bound:g}" for bound in bounds)


def alarms_page() -> str:
    """Every kind of alarm."""
    out = "# Alarms\n\n" + NOTE
    out += "Alarms are mailed to administrators, shown by `bonded tuf status`, `/readyz` and the pages of administration, and "
    out += "told by `/metrics` as `bonded_alarms`. What to do is in [](../operator/monitoring.md).\n\n"
    rows = [
        (f"`{k.name}`", str(k.severity), k.sentence.replace("%(", "*").replace(")s", "*"), k.advice)
        for k in KINDS.values()
    ]
    return out + table(("alarm", "severity", "what it says", "what to do first"), rows)


WRITERS = {
    "settings": settings_page,
    "actions": actions_page,
    "refusals": refusals_page,
    "commands": commands_page,
    "metrics": metrics_page,
    "alarms": alarms_page,
}


def main() -> None:
    """Write all pages."""
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, write in WRITERS.items():
        (PAGES / f"{name}.md").write_text(write().rstrip() + "\n", "utf-8")
        print(f"docs/reference/{name}.md")


if __name__ == "__main__":
    main()
