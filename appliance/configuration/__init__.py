"""The one declarative file, ``appliance.toml``: read, checked, edited by key, compared, applied to the machine."""
