"""Whose data it is."""

from dataclasses import dataclass
from datetime import datetime

from appliance.kernel.ids import TenantId
from appliance.tenants.errors import TenantNameBlank


@dataclass(frozen=True, slots=True)
class TenantView:
    """One organisation that uses the appliance."""

    id: TenantId
    name: str
    created_at: datetime


def clean_name(name: str) -> str:
    """The name without stray spaces.

    Raises:
        TenantNameBlank: nothing is left of it.
    """
    cleaned = " ".join(name.split())
    if not cleaned:
        raise TenantNameBlank
    return cleaned
