"""The composition root: settings in, wired services and steps out; constructor arguments and nothing else.

``services`` wires what doors ask for, ``engines`` loads models, ``sagas`` puts steps and engines together. Engines are
heavy (hundreds of MiB), so their adapters are imported inside the functions that build them: the
web process and the short CLI commands never load them.
"""

from appliance.bootstrap.services import Services, open_services

__all__ = ["Services", "open_services"]
