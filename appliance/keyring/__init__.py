"""Root key, tenant KEK, meeting DEK; encrypted streams and documents."""
