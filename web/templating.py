"""Jinja for one language: what a template says the same way in every page is worked out when it is compiled.

``_("Meetings")``, ``icon("plus")`` and ``static("portal.css")`` with constant arguments mean the same for as long as
the process lives; a page calls some eighty of them. Folded into the compiled template they cost nothing.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

_TEMPLATES: Final = Path(__file__).parent


class PageEnvironment(Environment):
    """Templates below ``web/``.

    Args:
        constant: functions whose answer depends on nothing but their arguments; templates call them by these names.
        gettext: looks a message up; ``ngettext`` one with a number.
    """

    def __init__(
        self,
        *,
        constant: Mapping[str, Callable[..., Any]],
        gettext: Callable[[str], str],
        ngettext: Callable[[str, str, int], str],
    ) -> None:
        super().__init__(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
            cache_size=-1,
            auto_reload=False,
        )
        self.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]  # by the extension
        self.globals |= constant
        # A message is markup as jinja2.ext.i18n's new style has it: `%` fills in fields, and `%%` is a percent sign.
        self._folding = _Folding({**constant, "_": lambda message: Markup(gettext(message)) % {}})  # noqa: S704  # ours

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return self._folding.visit(super()._parse(source, name, filename))  # type: ignore[no-any-return]  # a Template stays one


class _Folding(NodeTransformer):
    """Puts the answer in the place of every call of a constant function with constant arguments."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._functions = functions

    def visit_Call(self, node: nodes.Call) -> nodes.Expr:  # noqa: N802  # the name is the visitor's
        """Fold the arguments first, then the call."""
        self.generic_visit(node)
        function = self._functions.get(node.node.name) if isinstance(node.node, nodes.Name) else None
        plain = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
        if function is None or len(plain) < len(node.args) or node.kwargs or node.dyn_args or node.dyn_kwargs:
            return node
        return nodes.Const(function(*plain), lineno=node.lineno, environment=node.environment)
