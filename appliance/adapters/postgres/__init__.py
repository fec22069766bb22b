"""The embedded PostgreSQL: found, created, started, adopted, watched and stopped by us, and never run as root."""

from appliance.adapters.postgres.server import EmbeddedServer, ExternalServer, open_server

__all__ = ["EmbeddedServer", "ExternalServer", "open_server"]
