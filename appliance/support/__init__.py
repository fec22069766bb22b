"""The support bundle: what the maker needs to help, collected by a list, redacted, looked at, sealed to the maker."""
