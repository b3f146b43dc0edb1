"""axe-core over a page in the browser: every rule of WCAG 2.0 to 2.2 A and AA and of best practice, contrast among them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from playwright.sync_api import Page
from tools.node_tools import NodeTools

TOOLS = NodeTools("axe")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (tags) => {
  const result = await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
  return result.violations.map(rule => ({ id: rule.id, nodes: rule.nodes.map(node => node.html.slice(0, 160) + ' | ' + node.failureSummary) }));
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
    return f"axe-core {found} {' '.join(TAGS)}"


def violations(page: Page) -> list[str]:
    """Each violation as one line; [] is right. Runs past the page's own policy, as the browser's tools do."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(source())
    found: list[dict[str, Any]] = page.evaluate(RUN, TAGS)
    return [f"{rule['id']}: {node}" for rule in found for node in rule["nodes"]]
