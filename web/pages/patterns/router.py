"""GET /patterns."""

from functools import cache
from pathlib import Path
from typing import Final

from litestar import Response, get

from web.access import public
from web.pages.patterns.samples import samples
from web.request import PortalRequest

_COMPONENTS: Final = Path(__file__).parents[2] / "components"


@cache
def components() -> tuple[str, ...]:
    """Every component; one without examples fails the page."""
    return tuple(
        sorted(folder.name for folder in _COMPONENTS.iterdir() if folder.is_dir() and not folder.name.startswith("_"))
    )


@get("/patterns", sync_to_thread=True, **public("it shows how the portal looks, and nobody's data"))
def patterns(request: PortalRequest) -> Response[str]:
    """Every component with its examples."""
    return request.renderer.page(
        request, "pages/patterns/patterns.html", components=components(), samples=samples(request.context.locale)
    )


ROUTE_HANDLERS = (patterns,)
