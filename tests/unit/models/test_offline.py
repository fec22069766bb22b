"""No process of ours can ask a model hub."""

import subprocess
import sys

ASK = """
from appliance.models.offline import go_offline
go_offline()
import huggingface_hub.constants as constants
assert constants.HF_HUB_OFFLINE and constants.HF_HUB_DISABLE_TELEMETRY
"""

TOO_LATE = """
import huggingface_hub
from appliance.models.offline import go_offline
go_offline()
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_the_hub_client_is_switched_off():
    """After the switch the hub's own client knows that it is offline, whatever the caller's environment said."""
    assert run(ASK, HF_HUB_OFFLINE="0").returncode == 0


def test_switching_off_too_late_is_an_error():
    """A hub client that has read its settings already would stay online: that must not pass unnoticed."""
    done = run(TOO_LATE)
    assert done.returncode != 0
    assert "before anything imports huggingface_hub" in done.stderr
