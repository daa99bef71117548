"""What the page is made of, as a browser gets it: named by its content, packed once, kept for ever.

Strategy: all files but the first stand in one folder whose name is the digest of them all. So the
modules find each other by relative paths, an upgrade is a new folder, and a browser never asks
for a file twice. The first is asked for each time, and answered by "not modified".

Source: RFC 9110, 8.8.3 (ETag) and 13.1.2; RFC 8246 (immutable); CSP level 3.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

__all__ = ["POLICY", "routes"]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Our own files and nothing else: no script or style inside the page, no other host."""

_FOLDER = Path(__file__).parent / "static"
_FIRST = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _Asset:
    media_type: str
    plain: bytes
    packed: bytes
    etag: str


def routes() -> list[Route]:
    """GET / is the page, GET /page/DIGEST/NAME what it loads."""
    return [Route("/", _page), Route("/page/{digest}/{name:path}", _part)]


def _page(request: Request) -> Response:
    # not a coroutine: Starlette runs it in a thread, since the first one reads and packs
    return _answer(request, _assets()[1][_FIRST], "no-cache")


def _part(request: Request) -> Response:
    digest, assets = _assets()
    asset = assets.get(request.path_params["name"])
    if asset is None or request.path_params["digest"] != digest:
        # an older page that is still open asks for what it was made of
        return PlainTextResponse("no such part; load the page anew", 404)
    return _answer(request, asset, _FOR_EVER)


def _answer(request: Request, asset: _Asset, cached: str) -> Response:
    headers = {
        "Cache-Control": cached,
        "Content-Security-Policy": POLICY,
        "ETag": asset.etag,
        "Vary": "Accept-Encoding",
    }
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(asset.plain, headers=headers, media_type=asset.media_type)
    headers["Content-Encoding"] = "gzip"
    return Response(asset.packed, headers=headers, media_type=asset.media_type)


@cache
def _assets() -> tuple[str, dict[str, _Asset]]:
    """The digest of all, and the files by their names below the folder."""
    found = {
        path.relative_to(_FOLDER).as_posix(): path.read_bytes()
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in _TYPES
    }
    digest = hashlib.sha256()
    for name, content in found.items():
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    folder = digest.hexdigest()[:16]
    first = found[_FIRST].decode().replace("@FOLDER@", f"page/{folder}")
    found[_FIRST] = first.encode()
    return folder, {name: _asset(name, content) for name, content in found.items()}


def _asset(name: str, content: bytes) -> _Asset:
    return _Asset(
        media_type=_TYPES[Path(name).suffix],
        plain=content,
        packed=gzip.compress(content, mtime=0),
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
    )
