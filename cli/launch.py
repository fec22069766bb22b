"""The console script: closes the way to model hubs before anything can read its settings."""

from appliance.models.offline import go_offline


def main() -> None:
    """Run ``hangjegyzet``."""
    go_offline()
    # After, not above: huggingface_hub reads its environment once, at import.
    from cli.main import run

    run()


if __name__ == "__main__":
    main()
