"""Two more tools over pages: html-validate for the markup, and the engine of the Equal Access checker for the rules of WCAG 2.2."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from tools.node_tools import NodeTools

from tests.web.scenes.shots import Shot

TOOLS = NodeTools("markup")
RULES = {
    "root": True,
    "extends": ["html-validate:standard", "html-validate:a11y", "html-validate:document"],
    "rules": {
        # Every asset is of the page's own host, named by its digest.
        "require-sri": "off",
        # Lists of suggestions and boxes that scroll have roles that no element has.
        "prefer-native-element": "off",
    },
}
JUDGED = {
    "aria_form_label_unique": "it takes every form for a landmark; one without a name is none (HTML-AAM 1.0)",
    "label_content_exists": "it does not read words of a label that stand there for screen readers alone; axe takes the name from them",
    "input_checkboxes_grouped": "it asks for a group of boxes of one name, also where they are in forms of their own",
}
"""Rules of the second engine whose findings were looked at and are not faults, with the reason."""
CHECK = """async () => {
  // What is folded together is hidden, labels with it: it is read as people read it, open.
  for (const one of document.querySelectorAll('details')) one.open = true;
  const report = await new window.ace.Checker().check(document, ['WCAG_2_2']);
  return report.results.filter(one => one.value[0] === 'VIOLATION' && one.value[1] === 'FAIL')
    .map(one => one.ruleId + ': ' + one.message + ' | ' + one.snippet.slice(0, 200));
}"""


def _version(package: str) -> str:
    TOOLS.install()
    read: dict[str, Any] = json.loads((TOOLS.place / "node_modules" / package / "package.json").read_text())
    return f"{package} {read['version']}"


@cache
def engine_version() -> str:
    return _version("accessibility-checker-engine")


@cache
def _engine() -> str:
    TOOLS.install()
    return (TOOLS.place / "node_modules/accessibility-checker-engine/ace.js").read_text()


def faults(page: Page) -> list[str]:
    """What the second engine calls a violation for sure; [] is right. What people have to judge is not in it."""
    if not page.evaluate("typeof window.ace === 'object'"):
        page.evaluate(_engine() + "\n;window.ace = ace;")
    found: list[str] = page.evaluate(CHECK)
    return [one for one in found if one.partition(":")[0] not in JUDGED]


def markup_faults(shots: Iterable[Shot]) -> list[str]:
    """What html-validate says of the bytes of each page, one line each."""
    TOOLS.install()
    with tempfile.TemporaryDirectory(prefix="markup-") as folder:
        place = Path(folder)
        for shot in shots:
            (place / f"{shot.name}.html").write_bytes(shot.body)
        rules = place / "rules.json"
        rules.write_text(json.dumps(RULES))
        program = "node_modules/html-validate/bin/html-validate.mjs"
        done = TOOLS.node(program, "--config", str(rules), "--formatter", "json", str(place))
        assert done.returncode in (0, 1), done.stderr
        return [
            f"{Path(page['filePath']).stem}: {one['ruleId']}: {one['message']} | {one.get('selector')}"
            for page in json.loads(done.stdout)
            for one in page["messages"]
        ]
