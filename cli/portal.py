"""The portal's own process, without the commands: ``hangjegyzet serve`` turns into it.

The commands together load 25 MiB that a portal never needs (the demo's HTTP client, the audio library, progress bars);
the web process has a budget of 200.
"""

import argparse
import sys
from pathlib import Path

from appliance.kernel.errors import HangJegyzetError
from appliance.models.offline import go_offline
from appliance.settings import Settings, WebSettings
from cli.exit_codes import exit_code_for
from cli.logs import send_logs_to_stderr
from cli.output import print_error
from web.main import run_portal


def main() -> None:
    """The process edge: an expected failure becomes two lines on stderr and an exit code."""
    go_offline()
    send_logs_to_stderr()
    parser = argparse.ArgumentParser(prog="hangjegyzet serve")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--ready-file", type=Path)
    given = parser.parse_args()
    try:
        run_portal(
            _settings(given.host, given.port), say=_say, to_a_person=sys.stderr.isatty(), ready_file=given.ready_file
        )
    except HangJegyzetError as error:
        print_error(error)
        sys.exit(exit_code_for(error))


def _settings(host: str | None, port: int | None) -> Settings:
    """The settings with what the command line says."""
    settings = Settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    web = WebSettings.model_validate(settings.web.model_dump() | given)
    return settings.model_copy(update={"web": web})


def _say(line: str) -> None:
    """Talk goes to stderr, unwrapped: codes and fingerprints are copied from there."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
