"""Page parts: a macro, its style, its behaviour, its examples."""
