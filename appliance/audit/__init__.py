"""AuditEvent and the hash chain that shows whether the trail was touched."""
