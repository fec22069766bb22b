"""What the room needs from what checks signatures."""

from typing import Protocol

from appliance.approvals.approvers import Approver


class SignatureTool(Protocol):
    """Says whether a signature is right."""

    def check(self, document: bytes, signature: bytes, *, by: Approver) -> str:
        """Why ``by`` did not sign ``document`` with this signature; empty when they did.

        Raises:
            SignatureToolMissing: it cannot be asked.
        """
        ...
