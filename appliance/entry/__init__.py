"""Process mains."""
