"""Foreign media files, opened by FFmpeg in a process that can do nothing but answer.

``SandboxedMedia`` is what the rest of the appliance sees. The other modules run on the far side of a socket pair:
``zygote`` waits with FFmpeg loaded, ``jail`` takes every right away, ``child`` reads one file.
"""

from appliance.adapters.media.decoder import SandboxedMedia

__all__ = ["SandboxedMedia"]
