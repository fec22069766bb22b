"""``python -m tui``: the console, or with ``--board`` what stands on the display while nobody is signed in.

``--display`` is the console on the machine's own display: it leaves when nobody types for a quarter of an hour.
"""

import argparse
import os
import sys

from tui.i18n import LANGUAGES, speak


def main() -> int:
    """Run it; the board ends when somebody wants to sign in."""
    parser = argparse.ArgumentParser(prog="tui")
    parser.add_argument("--board", action="store_true")
    parser.add_argument("--display", action="store_true")
    parser.add_argument("--language", choices=LANGUAGES)
    asked = parser.parse_args()
    os.environ.setdefault("ESCDELAY", "25")
    if asked.board:
        from tui.board import Board

        speak(asked.language or "hu")
        return Board().run() or 0
    return _console(asked.language, at_display=asked.display)


def _console(language: str | None, *, at_display: bool) -> int:
    # Settings cost a tenth of a second, which the board must not: it may not even read them.
    from appliance.settings import Settings
    from tui.app import ConsoleApp
    from tui.errands import Errands, errands_folder
    from tui.house import InstalledHouse

    settings = Settings()
    speak(language or settings.language)
    return ConsoleApp(InstalledHouse(settings), Errands(errands_folder()), at_display=at_display).run() or 0


if __name__ == "__main__":
    sys.exit(main())
