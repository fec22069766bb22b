"""Templates into pages, in the handler's own thread: a long transcript never holds up the event loop.

Templates are named from ``web/``: ``pages/meetings/list.html``, ``components/button/button.html``. Each has
``context`` (the ``RequestContext``), ``csrf_token``, ``licence`` (its ``Banner``, mostly none), ``locale``, gettext's
``_`` and ``ngettext``, ``fmt`` (ways to write a value in the reader's language), ``static(path)`` and ``icon(name)``. A
template shows values and decides nothing; what is missing is an error and not an empty string.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from babel.support import NullTranslations
from jinja2 import Environment
from litestar import MediaType, Response
from markupsafe import Markup

from appliance.kernel.errors import HangJegyzetError
from web.assets import StaticFiles
from web.formats import Formats
from web.i18n import LANGUAGE_NAMES, translations
from web.licence import licence_banner
from web.request import LOCALES, Locale, PortalRequest
from web.retelling import reason_told
from web.templating import PageEnvironment


class Renderer:
    """Renders templates for a request, in its language."""

    def __init__(self, static_files: StaticFiles) -> None:
        self._static = static_files
        self._environments = {locale: self._environment(locale) for locale in LOCALES}

    def page(self, request: PortalRequest, template: str, /, *, status: int = 200, **values: Any) -> Response[str]:
        """A page or a fragment; call it from a handler that runs in a thread."""
        return Response(self.text(request, template, **values), status_code=status, media_type=MediaType.HTML)

    def text(self, request: PortalRequest, template: str, /, **values: Any) -> str:
        """The rendered template alone."""
        context = request.context
        told = licence_banner(request.services.licence.known(), context.actor, context.locale) if context.user else None
        return (
            self._environments[context.locale]
            .get_template(template)
            .render(context=context, csrf_token=context.csrf_token, path=request.scope["path"], licence=told, **values)
        )

    def _environment(self, locale: Locale) -> Environment:
        catalogue = translations(locale)
        environment = PageEnvironment(
            constant={"icon": cache(self._icon), "static": self._static.url},
            gettext=catalogue.gettext,
            ngettext=catalogue.ngettext,
        )
        environment.globals |= {
            "fmt": Formats(locale),
            "locale": locale,
            "language_names": LANGUAGE_NAMES,
        }
        return environment

    def _icon(self, name: str) -> Markup:
        """An icon of the sprite; the text beside it, or the name of its button, speaks for it."""
        sprite = self._static.url("vendor:icons.svg")
        if not sprite:
            return Markup("")
        return Markup('<svg class="icon icon-{0}" aria-hidden="true"><use href="{1}#{0}"></use></svg>').format(
            name, sprite
        )


def error_text(error: HangJegyzetError, locale: Locale) -> tuple[str, str]:
    """What happened, and what to do now, in the reader's language."""
    catalogue = translations(locale)
    fields = {
        name: reason_told(value, catalogue) if isinstance(value, str) else value for name, value in error.fields.items()
    }
    return _filled_in(error.message, fields, catalogue), _filled_in(error.hint, fields, catalogue)


def _filled_in(template: str, fields: Mapping[str, Any], catalogue: NullTranslations) -> str:
    return catalogue.gettext(template).format(**fields) if template else ""
