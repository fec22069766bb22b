"""One PostgreSQL: connections, tenant-bound transactions, notifications."""
