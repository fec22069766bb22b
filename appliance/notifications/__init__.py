"""The outbox: what people are to be told."""
