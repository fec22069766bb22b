"""One module per noun; each has a Typer app that `cli.main` mounts."""
