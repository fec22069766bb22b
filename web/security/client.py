"""Where an attempt comes from, as the limits of the identity room see it."""

from typing import Final

from appliance.identity.model import Client
from web.request import PortalRequest

DEVICE_COOKIE: Final = "__Host-hangjegyzet-device"


def client_of(request: PortalRequest) -> Client:
    """The sender's address and browser."""
    return Client(
        address=request.context.address,
        user_agent=request.headers.get("user-agent", ""),
        device_token=request.cookies.get(DEVICE_COOKIE),
    )
