"""Tenant: whose data it is."""
