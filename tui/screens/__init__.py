"""The pages of the console, one per room that a technician looks into."""
