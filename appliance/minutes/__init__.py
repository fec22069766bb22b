"""Minutes whose every claim cites the words it rests on."""
