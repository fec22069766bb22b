"""What every page is examined for."""

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe_violations(page: Page) -> list[str]:
    """What WCAG 2.2 A and AA, and good practice, find wrong with the page as it is."""
    if not page.evaluate("Boolean(globalThis.axe)"):
        page.evaluate(AXE.read_text())
    found = page.evaluate(f"axe.run(document, {{runOnly: {_RULES}}})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
        if not _is_cut_by_the_player(violation["id"], node)
    ]


def _is_cut_by_the_player(rule: str, node: dict[str, Any]) -> bool:
    """Rows scroll under the player; the one at its edge is half covered until somebody scrolls on."""
    return rule == "target-size" and ".segment-time" in node["target"][0] and "obscured" in node["failureSummary"]


def overflows(page: Page) -> bool:
    """Whether the page must be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


_POLL_MS: Final = 50
_PATIENCE_MS: Final = 20_000


def wait_until(page: Page, expression: str) -> None:
    """Wait until a JavaScript expression holds.

    Playwright's own ``wait_for_function`` evaluates inside the page, which the content security policy forbids.
    """
    for _ in range(_PATIENCE_MS // _POLL_MS):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(_POLL_MS)
    raise AssertionError(f"never became true: {expression}")
