"""Signatures checked by OpenSSH's own program, one person at a time."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.approvals.approvers import Approver
from appliance.approvals.errors import SignatureToolMissing
from appliance.approvals.model import NAMESPACE

PATIENCE_S = 20.0


class SshKeygen:
    """``ssh-keygen -Y verify``, with a list of allowed signers that holds one key."""

    def check(self, document: bytes, signature: bytes, *, by: Approver) -> str:
        """Why ``by`` did not sign ``document``; empty when they did.

        Raises:
            SignatureToolMissing: the program is not there, or does not answer.
        """
        with TemporaryDirectory(prefix="hangjegyzet-approval-") as own:
            allowed, file = Path(own, "allowed"), Path(own, "signature")
            allowed.write_text(by.line() + "\n", encoding="ascii")
            file.write_bytes(signature)
            allowing = ["-f", str(allowed), "-I", by.person, "-n", NAMESPACE]
            try:
                done = subprocess.run(
                    ["ssh-keygen", "-Y", "verify", *allowing, "-s", str(file)],
                    input=document,
                    capture_output=True,
                    check=False,
                    timeout=PATIENCE_S,
                    env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise SignatureToolMissing(reason=f"ssh-keygen: {type(error).__name__}") from error
        if done.returncode == 0:
            return ""
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        return said[-1][:200] if said else "ssh-keygen refused it"
