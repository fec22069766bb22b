"""The way to the main box, on a machine that works for one."""

from appliance.adapters.node_client import DoorClient
from appliance.settings import Settings

AUTHORITY_NAME = "authority.pem"
CERTIFICATE_NAME = "node.pem"
KEY_NAME = "node.key"


def open_main_box(settings: Settings) -> DoorClient | None:
    """The main box, with this machine's certificate; nothing on a box of its own."""
    nodes = settings.nodes
    if nodes.role != "worker" or nodes.main_box is None:
        return None
    return DoorClient(
        nodes.main_box,
        nodes.port,
        authority=nodes.folder / AUTHORITY_NAME,
        certificate=nodes.folder / CERTIFICATE_NAME,
        key=nodes.folder / KEY_NAME,
    )
