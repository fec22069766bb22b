"""The page that stands in for the portal while it is down: a server of its own, without database, keys or sessions."""
