"""``python -m web.maintenance NOTICE``: answer at the portal's address with its certificate."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from appliance.adapters.portal_certificate import certificate_for
from appliance.settings import Settings
from web.maintenance.notice import read_notice
from web.maintenance.server import Maintenance, context_for, listen, serve


def main(notice: Path) -> None:
    """Serve until told to stop."""
    settings = Settings()
    certificate = certificate_for(settings.web, settings.data_dir / "tls", now=_now())
    context = context_for(certificate.chain, certificate.private_key)
    maintenance = Maintenance(lambda: read_notice(notice), _now)
    asyncio.run(serve(maintenance, listen(settings.web.host, settings.web.port), context))


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
