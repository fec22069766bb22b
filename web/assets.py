"""The portal's style sheet, scripts, font and icons, in memory under an address that changes with their content.

``/static/VERSION/portal.css``: VERSION is a digest over everything, so that browsers may keep files for ever and
relative addresses in modules stay within one version. A wrong version (a page from before an upgrade) is answered from
today's files, uncached. ``vendor:NAME`` names a file that others wrote and ``images/build-web.sh`` put into
``static/vendor``; where it was not built its address is empty, and pages do without icons, font and htmx.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Self

import structlog
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from web.access import WITHOUT_SESSION, public

log = structlog.get_logger(__name__)

WEB: Final = Path(__file__).parent
LAYERS: Final = ("reset", "tokens", "base", "layout", "components", "overrides")
"""Order of the cascade; each is a file in ``static/css``, except ``components``: the style sheets of all components."""

_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_VENDOR: Final = "vendor:"
_VENDOR_URL: Final = re.compile(r'url\("vendor:([^"]+)"\)')


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    content: bytes
    media_type: str
    etag: str
    gzipped: bytes | None

    @classmethod
    def of(cls, name: str, content: bytes) -> Self:
        suffix = PurePosixPath(name).suffix
        gzipped = None if suffix == ".woff2" else gzip.compress(content, 9, mtime=0)
        return cls(content, _MEDIA_TYPES[suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"', gzipped)


class StaticFiles:
    """All static files of the portal: few, small, and read once."""

    def __init__(self, web: Path = WEB) -> None:
        manifest = web / "static" / "vendor" / "manifest.json"
        self._vendor: dict[str, str] = json.loads(manifest.read_text()) if manifest.exists() else {}
        if not self._vendor:
            log.warning("vendor_files_missing", folder=str(manifest.parent), remedy="images/build-web.sh")
        contents = _read(web) | {
            f"vendor/{name}": (manifest.parent / name).read_bytes() for name in self._vendor.values()
        }
        contents["portal.js"] = _entry_module(name for name in contents if name.startswith(("js/", "components/")))
        contents["portal.css"] = _style_sheet(web, self._vendor)
        self._assets = {name: Asset.of(name, content) for name, content in contents.items()}
        digest = hashlib.sha256()
        for name, asset in sorted(self._assets.items()):
            digest.update(f"{name}\0{asset.etag}\0".encode())
        self.version = digest.hexdigest()[:12]

    def url(self, path: str) -> str:
        """Where a browser finds ``path``; empty for a vendor file that was not built.

        Raises:
            KeyError: there is no such file; a misspelt name fails when the page is rendered.
        """
        if path.startswith(_VENDOR):
            if not self._vendor:
                return ""
            path = f"vendor/{self._vendor[path.removeprefix(_VENDOR)]}"
        if path not in self._assets:
            raise KeyError(f"no static file {path!r}")
        return f"/static/{self.version}/{path}"

    def find(self, path: str) -> Asset | None:
        """The file, or None."""
        return self._assets.get(path)


def _read(web: Path) -> dict[str, bytes]:
    """Our own scripts and images, by the name under which they are served."""
    static = web / "static"
    own = {path.relative_to(static): path for folder in ("js", "img") for path in (static / folder).glob("*.*")}
    own |= {path.relative_to(web): path for path in (web / "components").glob("*/*.js")}
    return {name.as_posix(): path.read_bytes() for name, path in sorted(own.items())}


def _entry_module(names: Iterable[str]) -> bytes:
    """One module that imports all of them, so that a page names a single script."""
    return "".join(f'import "./{name}";\n' for name in sorted(names) if name.endswith(".js")).encode()


def _style_sheet(web: Path, vendor: Mapping[str, str]) -> bytes:
    """All style sheets as one, each inside its cascade layer."""
    css = web / "static" / "css"
    parts = [f"@layer {', '.join(LAYERS)};\n", (css / "fonts.css").read_text()]
    for layer in LAYERS:
        sources = sorted((web / "components").glob("*/*.css")) if layer == "components" else [css / f"{layer}.css"]
        rules = "\n".join(source.read_text() for source in sources)
        parts.append(f"@layer {layer} {{\n{rules}\n}}\n")
    return _VENDOR_URL.sub(lambda found: _vendor_url(found[1], vendor), "".join(parts)).encode()


def _vendor_url(name: str, vendor: Mapping[str, str]) -> str:
    return f'url("vendor/{vendor[name]}")' if name in vendor else 'url("data:,")'


@get(
    "/static/{version:str}/{path:path}",
    sync_to_thread=False,
    include_in_schema=False,
    **public("the sign-in page needs its style", **{WITHOUT_SESSION: True}),
)
def static_file(request: Request[Any, Any, Any], version: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """One static file, with a strong ETag."""
    files: StaticFiles = request.app.state["static_files"]
    asset = files.find(str(path).lstrip("/"))
    if asset is None:
        raise NotFoundException
    headers = {"etag": asset.etag, "cache-control": _IMMUTABLE if version == files.version else "no-cache"}
    if asset.etag[:-1] in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
    content = asset.content
    if asset.gzipped is not None:
        headers["vary"] = "accept-encoding"
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers |= {"content-encoding": "gzip", "etag": f'{asset.etag[:-1]}-gz"'}
            content = asset.gzipped
    return Response(content, headers=headers, media_type=asset.media_type)
