"""A request that the switch makes of itself, on the connection of one that came from outside.

A page of the console is made of calls of the API: the same handlers, so the same rights, queues and limits.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import web
from aiohttp.streams import StreamReader
from multidict import CIMultiDict
from yarl import URL

CHUNK: Final = 65_536
"""The least that a stream holds before it stops reading from its connection, which a body that is whole never should."""


def request_inside(
    outer: web.Request,
    method: str,
    url: URL,
    params: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes = b"",
) -> web.Request:
    """A request for a handler whose path has these `params`. Of the one outside it has the connection, and no header but those given."""
    inner = outer.clone(method=method, rel_url=url, headers=CIMultiDict(headers))
    stream = StreamReader(outer.protocol, max(CHUNK, len(body)), loop=outer._loop)
    stream.feed_data(body)
    stream.feed_eof()
    inner._payload = stream
    inner._match_info = web.UrlMappingMatchInfo(dict(params), outer.match_info.route)
    return inner
