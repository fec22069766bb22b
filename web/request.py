"""A request as handlers see it: who asks, in which language, and the services that answer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from uuid import UUID

from litestar import Request

from appliance.identity.model import SessionView, SignedIn, Theme, UserView
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.ids import TenantId
from web.security.proxies import client_address
from web.services import WebServices

if TYPE_CHECKING:  # rendering needs requests; requests only name the renderer
    from web.rendering import Renderer
    from web.sse import JobStreams

Locale = Literal["hu", "en"]
LOCALES: Final[tuple[Locale, ...]] = ("hu", "en")

NO_TENANT: Final = TenantId(UUID(int=0))
"""The tenant of somebody who has not signed in: it owns no row."""

_STATE_KEY: Final = "hangjegyzet.context"


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Who asks, from where, and how the answer should look."""

    signed_in: SignedIn | None
    address: str
    locale: Locale
    theme: Theme

    @property
    def user(self) -> UserView | None:
        """The person, when somebody is signed in."""
        return self.signed_in.user if self.signed_in else None

    @property
    def session(self) -> SessionView | None:
        """Their session."""
        return self.signed_in.session if self.signed_in else None

    @property
    def csrf_token(self) -> str:
        """What every form carries in its field ``csrf_token`` and every script in ``X-CSRF-Token``."""
        return self.signed_in.csrf_token if self.signed_in else ""

    @property
    def actor(self) -> Actor:
        """Who acts; somebody anonymous holds no permission."""
        if self.signed_in:
            return self.signed_in.actor
        return Actor(kind=ActorKind.ANONYMOUS, tenant_id=NO_TENANT, name="anonymous", origin=self.address)


class PortalRequest(Request[Any, Any, Any]):
    """Litestar's request with the portal's own things on it."""

    @property
    def services(self) -> WebServices:
        """The appliance's services."""
        return cast("WebServices", self.app.state["services"])

    @property
    def job_streams(self) -> "JobStreams":
        """The open event streams of this process."""
        return cast("JobStreams", self.app.state["streams"])

    @property
    def renderer(self) -> "Renderer":
        """Renders templates for this request."""
        return cast("Renderer", self.app.state["renderer"])

    @property
    def context(self) -> RequestContext:
        """Who asks; anonymous where no session was looked up, as on an unknown path."""
        found = self.scope.get(_STATE_KEY)
        return found if isinstance(found, RequestContext) else anonymous_context(self)

    def remember(self, context: RequestContext) -> None:
        """Set who asks, for the rest of this request."""
        self.scope[_STATE_KEY] = context  # type: ignore[typeddict-unknown-key]  # ASGI scopes are open dictionaries

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.context.actor

    @property
    def wants_html(self) -> bool:
        """Whether a person looks at the answer; the API always answers JSON."""
        return not self.scope["path"].startswith("/api/")


def address_of(request: Request[Any, Any, Any]) -> str:
    """The network address that the request comes from; what a proxy says of it counts if that proxy is trusted."""
    peer = request.client.host if request.client else "local"
    if trusted := request.app.state["trusted_proxies"]:
        return client_address(peer, request.headers.getall("x-forwarded-for", []), trusted=trusted)
    return peer


def anonymous_context(request: Request[Any, Any, Any]) -> RequestContext:
    """The context of somebody who is not signed in: language and look from the browser."""
    theme = request.cookies.get("theme", "")
    return RequestContext(
        signed_in=None,
        address=address_of(request),
        locale=preferred_locale(request),
        theme=next((known for known in Theme if known == theme), Theme.AUTO),
    )


def preferred_locale(request: Request[Any, Any, Any]) -> Locale:
    """The first language that both the browser and the portal speak; else the appliance's own."""
    chosen = request.cookies.get("locale")
    for locale in LOCALES:
        if chosen == locale:
            return locale
    offers = sorted(_weighted_languages(request.headers.get("accept-language", "")), key=lambda offer: -offer[1])
    for language, weight in offers:
        for locale in LOCALES:
            if weight > 0 and language.split("-")[0].casefold() == locale:
                return locale
    return cast("WebServices", request.app.state["services"]).settings.language


def _weighted_languages(header: str) -> list[tuple[str, float]]:
    """Language ranges with their weights (RFC 9110, section 12.5.4); what cannot be read counts nothing."""
    offers = []
    for part in header.split(",")[:20]:
        language, _, weight = part.partition(";q=")
        try:
            offers.append((language.strip(), float(weight or 1)))
        except ValueError:
            continue
    return offers
