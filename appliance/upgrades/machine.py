"""What kind of machine this is, in the words of a release's manifest."""

import platform
import sys

from appliance.releases.model import Target

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def this_target() -> Target:
    """The system that releases have to be made for."""
    system = platform.freedesktop_os_release()
    return Target(
        os=system["ID"],
        os_version=system.get("VERSION_ID", "0"),
        arch=_ARCHITECTURES.get(platform.machine(), platform.machine()),
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
    )
