"""The OpenAPI document and its page are served without a key."""

from collections.abc import AsyncIterator

import pytest

from tests.front_door import RunningSwitch, running_switch


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_the_document_and_its_page_are_served_without_a_key(switch: RunningSwitch) -> None:
    async with switch.session.get(switch.base + "/openapi.json") as answer:
        assert answer.content_type == "application/json"
        assert (await answer.json())["openapi"].startswith("3.1")
    async with switch.session.get(switch.base + "/docs") as answer:
        assert answer.content_type == "text/html"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        page = await answer.text()
    assert "/docs/rapidoc-min.js" in page
    async with switch.session.get(switch.base + "/docs/rapidoc-min.js") as answer:  # aiohttp inflates it
        assert answer.content_type == "text/javascript" and answer.headers["Content-Encoding"] == "gzip"
        assert b"RapiDoc" in await answer.read()
