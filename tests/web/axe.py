"""axe-core over a page in the browser: every rule of WCAG 2.0 to 2.2 A and AA and of best practice, contrast among them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from playwright.sync_api import Page
from tools.node_tools import NodeTools

from tests.web.contrast import too_little

TOOLS = NodeTools("axe")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIGNED: dict[str, str] = {}
"""Rules that axe leaves to people on some page, looked at and found right, with the reason. Contrast is measured instead."""
RUN = """async (tags) => {
  const result = await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations', 'incomplete'] });
  const told = rules => rules.map(rule => ({ id: rule.id, nodes: rule.nodes.map(node => (
    { target: node.target.join(' '), says: node.html.slice(0, 160) + ' | ' + node.failureSummary })) }));
  return { violations: told(result.violations), incomplete: told(result.incomplete) };
}"""


@cache
def source() -> str:
    """The library, from the package index, at the version of the lock."""
    TOOLS.install()
    return (TOOLS.place / "node_modules/axe-core/axe.min.js").read_text()


@cache
def version() -> str:
    """The version of the library and the rules that are asked for."""
    source()
    found = json.loads((TOOLS.place / "node_modules/axe-core/package.json").read_text())["version"]
    return f"axe-core {found} {' '.join(TAGS)}, open results settled"


def violations(page: Page) -> list[str]:
    """Each violation as one line, and each result that axe leaves open and nothing here settles; [] is right.

    Runs past the page's own policy, as the browser's tools do.
    """
    page.wait_for_load_state()  # without its styles, every page is at fault
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(source())
    found: dict[str, list[dict[str, Any]]] = page.evaluate(RUN, TAGS)
    sure = [f"{rule['id']}: {node['says']}" for rule in found["violations"] for node in rule["nodes"]]
    return sure + [line for rule in found["incomplete"] for line in unsettled(page, rule)]


def unsettled(page: Page, rule: dict[str, Any]) -> list[str]:
    """What is open of a rule: of contrast, what is too little when it is measured; of others all, unless they are signed off."""
    if rule["id"] == "color-contrast":
        return [f"color-contrast: {one}" for one in too_little(page, [node["target"] for node in rule["nodes"]])]
    if rule["id"] in SIGNED:
        return []
    return [f"{rule['id']}: not decided: {node['says']}" for node in rule["nodes"]]
