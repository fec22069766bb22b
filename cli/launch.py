"""The console script: closes the way to model hubs before anything can read its settings."""

import os

from appliance.models.offline import go_offline


def main() -> None:
    """Run ``hangjegyzet``."""
    go_offline()
    # Frames around help cost more than everything else that it takes; a terminal's reader set otherwise wins.
    os.environ.setdefault("TYPER_USE_RICH", "0")
    # After, not above: huggingface_hub and Typer read their environment once, at import.
    from cli.main import run

    run()


if __name__ == "__main__":
    main()
