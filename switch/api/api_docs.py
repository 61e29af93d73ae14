"""What the API says of itself: the OpenAPI document, and a page to read it and to try calls on.

Nothing here is loaded from elsewhere, and the page can ask this switch alone. `python -m switch.reference` writes the document.
"""

from importlib.resources import files
from typing import Final, Protocol

from aiohttp import web

from switch.api.route import OpenRoute
from switch.http.server import JSON, Answer

_STATIC: Final = files("switch.api") / "static"
_HTML: Final = "text/html; charset=utf-8"
_SCRIPT: Final = "text/javascript; charset=utf-8"
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""A key is typed into the page: it goes to this switch and nowhere else."""
_SCRIPT_HEADERS: Final = {
    "Content-Encoding": "gzip",
    "Cache-Control": "public, max-age=86400",
    "X-Content-Type-Options": "nosniff",
}
_DOCUMENT: Final = (_STATIC / "openapi.json").read_bytes()
_PAGE: Final = (_STATIC / "docs.html").read_bytes()
_RAPIDOC: Final = (_STATIC / "rapidoc-min.js.gz").read_bytes()


class NoServices(Protocol):
    """These paths use nothing of the front door."""


async def openapi(services: NoServices) -> web.Response:
    """GET /openapi.json."""
    return Answer(_DOCUMENT)


async def page(services: NoServices) -> web.Response:
    """GET /docs."""
    return Answer(_PAGE, headers=_PAGE_HEADERS, content_type=_HTML)


async def script(services: NoServices) -> web.Response:
    """GET /docs/rapidoc-min.js, as it lies in its package: compressed."""
    return Answer(_RAPIDOC, headers=_SCRIPT_HEADERS, content_type=_SCRIPT)


ROUTES: Final = (
    OpenRoute("/openapi.json", "All calls as an OpenAPI 3.1 document.", openapi, JSON),
    OpenRoute("/docs", "The same as a page, on which calls can be tried with a key.", page, _HTML),
    OpenRoute("/docs/rapidoc-min.js", "The script of that page.", script, _SCRIPT),
)
