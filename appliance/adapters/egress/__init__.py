"""The machine's way out as this system has it: nftables, systemd's sandboxes, the interfaces."""

from appliance.adapters.egress.nftables import Nftables
from appliance.adapters.egress.sandboxes import SystemdAskers
from appliance.adapters.egress.wire import LinuxWire

__all__ = ["LinuxWire", "Nftables", "SystemdAskers"]
