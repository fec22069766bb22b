"""The pages, in the order of the menu; each is imported when it is opened."""

from dataclasses import dataclass
from importlib import import_module
from typing import Final, cast

from tui.i18n import marked
from tui.page import Page


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu."""

    id: str
    title: str
    key: str

    def open(self) -> Page:
        """A new page."""
        return cast("Page", import_module(f"tui.screens.{self.id}").PAGE())


PAGES: Final = (
    Entry("overview", marked("Overview"), "1"),
    Entry("jobs", marked("Jobs"), "2"),
    Entry("health", marked("Health"), "3"),
    Entry("network", marked("Network"), "4"),
    Entry("users", marked("Users"), "5"),
    Entry("models", marked("Models"), "6"),
    Entry("backups", marked("Backups"), "7"),
    Entry("upgrades", marked("Upgrades"), "8"),
    Entry("audit", marked("Audit"), "9"),
    Entry("support", marked("Support"), "s"),
    Entry("power", marked("Power"), "0"),
)
