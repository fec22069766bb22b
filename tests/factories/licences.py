"""Licences as the portal knows them, without a maker who signs."""

from datetime import UTC, datetime, timedelta

from appliance.licence.model import Licence, Standing, standing
from appliance.licence.service import LicenceService

END = datetime(2026, 6, 1, tzinfo=UTC)


class Known(LicenceService):
    """A licence that ended so many days ago; who signed it is tested elsewhere."""

    def __init__(self, days: int) -> None:
        self._days = days

    def known(self) -> Standing:
        """As if it had been read."""
        licence = Licence(
            id="HJ-2026-0001",
            customer="Kékfa Egyesület",
            people=10,
            valid_from="2025-06-01T00:00:00Z",
            valid_until="2026-06-01T00:00:00Z",
            grace_days=30,
            issued_at="2025-05-01T00:00:00Z",
        )
        return standing(licence, now=END + timedelta(days=self._days), seen=None)
