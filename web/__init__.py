"""The web door: HTTP API and server-rendered pages."""
