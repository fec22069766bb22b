"""Sessions, forged requests, response headers."""
