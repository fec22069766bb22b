"""Templates are compiled with what never changes worked out already."""

from collections.abc import Callable

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from web.templating import PageEnvironment

WORDS = {"Meetings": "Értekezletek", "Bold & plain": "<b>Vastag</b> és sima", "All of it: 100 %%": "Mind: 100 %%"}


@pytest.fixture
def asked() -> list[str]:
    """What was looked up in the catalogue, in order."""
    return []


@pytest.fixture
def environment(asked: list[str]) -> PageEnvironment:
    """An environment in a language of three messages."""

    def gettext(message: str) -> str:
        asked.append(message)
        return WORDS.get(message, message)

    return PageEnvironment(
        constant={
            "icon": lambda name: Markup("<svg>{}</svg>").format(name),
            "static": lambda path: f"/static/1/{path}",
        },
        gettext=gettext,
        ngettext=lambda one, many, count: one if count == 1 else many,
    )


def test_a_message_is_looked_up_once_for_all_pages(environment: PageEnvironment, asked: list[str]) -> None:
    """Rendering asks the catalogue nothing."""
    template = environment.from_string('<h1>{{ _("Meetings") }}</h1>{{ icon("plus") }}{{ static("a&b.css") }}')
    assert [template.render() for _ in range(2)] == ["<h1>Értekezletek</h1><svg>plus</svg>/static/1/a&amp;b.css"] * 2
    assert asked == ["Meetings"]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('{{ _("Bold & plain") }}', "<b>Vastag</b> és sima"),
        ('{{ _("All of it: 100 %%") }}', "Mind: 100 %"),
        ('{% macro it(word) %}<i>{{ word }}</i>{% endmacro %}{{ it(_("Meetings")) }}', "<i>Értekezletek</i>"),
        ('{% set words = {"a": _("Meetings")} %}{{ words["a"] }}', "Értekezletek"),
        ('{{ _("Hello %(name)s", name=name) }}', "Hello &lt;i&gt;"),
        ("{{ icon(name) }}", "<svg>&lt;i&gt;</svg>"),
    ],
)  # fmt: skip
def test_folding_changes_no_answer(environment: PageEnvironment, source: str, shown: str) -> None:
    """Messages are markup and their fields are escaped, whether they were known beforehand or not."""
    assert environment.from_string(source).render(name="<i>") == shown


def test_what_is_missing_is_still_an_error(environment: PageEnvironment) -> None:
    """A misspelt name never becomes an empty string."""
    render: Callable[[], str] = environment.from_string("{{ _(missing) }}").render
    with pytest.raises(UndefinedError):
        render()
