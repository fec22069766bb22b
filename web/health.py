"""Whether the portal runs, and whether it can serve: for supervisors and load balancers."""

import msgspec
from litestar import Response, get
from sqlalchemy import text

from appliance.database.errors import DatabaseUnavailable
from web.access import WITHOUT_SESSION, public
from web.request import PortalRequest


class HealthOut(msgspec.Struct, frozen=True):
    """One word, and what is missing."""

    status: str
    missing: list[str] = []


@get(
    "/health/live",
    sync_to_thread=False,
    include_in_schema=False,
    **public("says only that the process answers", **{WITHOUT_SESSION: True}),
)
def live() -> HealthOut:
    """200 as long as the process answers."""
    return HealthOut("ok")


@get(
    "/health/ready",
    sync_to_thread=True,
    include_in_schema=False,
    **public("says only whether requests can be served", **{WITHOUT_SESSION: True}),
)
def ready(request: PortalRequest) -> Response[HealthOut]:
    """200 when requests can be served; 503 names what is missing."""
    try:
        with request.services.database.reading(None) as tx:
            tx.execute(text("SELECT 1"))
    except DatabaseUnavailable:
        return Response(HealthOut("unavailable", ["database"]), status_code=503)
    return Response(HealthOut("ok"))
