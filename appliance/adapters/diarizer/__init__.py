"""Who spoke when, by two small networks and clustering; no torch.

``segmentation`` hears up to three voices in every ten seconds, ``voices`` turns stretches of each into vectors,
``clustering`` finds which belong to one person, ``timeline`` lays the windows back onto one time axis.
"""

from appliance.adapters.diarizer.engine import OnnxSpeakerTurns

__all__ = ["OnnxSpeakerTurns"]
