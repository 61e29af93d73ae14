"""A collector of OpenTelemetry for tests: takes OTLP over HTTP and keeps the spans; or hangs, as a dead one does."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """What arrived. `hangs`: requests are taken and never answered."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.spans: list[Span] = []
        self.resources: list[dict[str, Any]] = []
        self.requests = 0
        self.url = ""
        self._hangs = hangs

    async def take(self, request: web.Request) -> web.Response:
        """POST /v1/traces."""
        self.requests += 1
        if self._hangs:
            await asyncio.Event().wait()
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(values(resource_spans.resource.attributes))
            for scope in resource_spans.scope_spans:
                self.spans += scope.spans
        return web.Response()

    async def until(self, name: str, count: int = 1, timeout_s: float = 20.0) -> list[Span]:
        """The spans of this name, when there are so many."""
        async with asyncio.timeout(timeout_s):
            while len(found := [span for span in self.spans if span.name == name]) < count:
                await asyncio.sleep(0.02)
        return found

    def below(self, parent: Span) -> dict[str, Span]:
        """The spans right below one, by name."""
        return {span.name: span for span in self.spans if span.parent_span_id == parent.span_id}


def values(attributes: Any) -> dict[str, Any]:
    """Attributes by their keys."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextlib.asynccontextmanager
async def collector(*, hangs: bool = False) -> AsyncIterator[Collector]:
    """One that listens."""
    made = Collector(hangs=hangs)
    application = web.Application(client_max_size=64 << 20)
    application.router.add_post("/v1/traces", made.take)
    server = TestServer(application)
    await server.start_server(shutdown_timeout=0.1)
    made.url = str(server.make_url("/")).rstrip("/")
    try:
        yield made
    finally:
        await server.close()
