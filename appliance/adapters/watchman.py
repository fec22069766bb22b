"""The watchman as a unit of systemd: it outlives whoever applies, and a reboot starts it again."""

import subprocess

UNIT = "hangjegyzet-confirmation.service"
PATIENCE_S = 30.0


class SystemdWatchman:
    """Starts the unit that undoes what nobody confirmed."""

    def begin(self) -> None:
        """Start it; on return it runs.

        Raises:
            OSError: it does not.
        """
        try:
            subprocess.run(
                ["systemctl", "restart", UNIT],
                check=True,
                capture_output=True,
                timeout=PATIENCE_S,
                stdin=subprocess.DEVNULL,
            )
            subprocess.run(
                ["systemctl", "is-active", "--quiet", UNIT], check=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL
            )
        except subprocess.SubprocessError as error:
            raise OSError(f"{UNIT} does not run") from error
