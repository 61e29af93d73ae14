"""A request from inside has what it is given and the connection of the one outside, and nothing else of that."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from switch.http.inside import CHUNK, request_inside


def outer() -> web.Request:
    headers = {"Cookie": "session=x", "Authorization": "Bearer outside", "Content-Type": "text/plain"}
    return make_mocked_request("GET", "/console/find?q=a", headers=headers, match_info={"id": "outside"})


async def test_nothing_of_the_request_outside_is_seen_but_its_connection() -> None:
    outside = outer()
    inside = request_inside(outside, "GET", URL("/x?a=b%26c"), {"id": "w/../x"}, {"Accept": "a"})
    assert (inside.method, dict(inside.query), inside.match_info["id"]) == ("GET", {"a": "b&c"}, "w/../x")
    assert dict(inside.headers) == {"Accept": "a"} and not inside.cookies
    assert inside.protocol is outside.protocol and inside.transport is outside.transport
    assert await inside.read() == b"" and inside.content.is_eof()


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, 3 * CHUNK])
async def test_a_body_is_there_as_a_whole_and_stops_no_reading(size: int) -> None:
    outside = outer()
    body = b"x" * size
    inside = request_inside(outside, "POST", URL("/x"), {}, {"Content-Type": "application/json"}, body)
    parts = []
    while part := await inside.content.readany():
        parts.append(part)
    assert b"".join(parts) == body
    outside.protocol.pause_reading.assert_not_called()  # type: ignore[attr-defined]
