"""Names of files that a browser saves."""

import re
from typing import Final
from urllib.parse import quote

_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|]+')


def content_disposition(filename: str, *, inline: bool = False) -> str:
    """A ``Content-Disposition`` with the name as it is (RFC 6266), and an ASCII one for old clients.

    Characters that some file system refuses become ``_``, so that no name can leave the folder of downloads.
    """
    name = _UNSAFE.sub("_", filename).strip(" .")[:150] or "download"
    ascii_name = name.encode("ascii", "replace").decode().replace("?", "_")
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"
