"""The few headers of htmx 4 that the portal speaks."""

from collections.abc import Mapping


def wants_fragment(headers: Mapping[str, str]) -> bool:
    """Whether htmx asks for a part of a page, to be put into the one that is open."""
    return headers.get("hx-request") == "true" and headers.get("hx-request-type") == "partial"


def redirect(url: str) -> dict[str, str]:
    """Response headers that make htmx load another page."""
    return {"HX-Redirect": url}
