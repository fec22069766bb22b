"""The pattern portfolio: every component with its examples."""
