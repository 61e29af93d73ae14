"""Spans of requests, of the caller's trace if it names one, by the SDK's batch processor.

The processor has a queue of its own and a thread that sends; what finds no room there is lost, so a collector that hangs slows nobody.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from actors.records.secret import Secret
from switch.tracing.current import CURRENT
from switch.tracing.request_ids import given_id
from switch.tracing.settings import TracingKeys
from switch.tracing.shard_calls import ShardCalls, SubmitsTimed
from switch.tracing.spans import Request, harmless

SERVICE: Final = "shardpay"
TRACES: Final = "/v1/traces"
CLOSE_WITHIN_S: Final = 2.0
"""So long may the last spans take at the end of a process."""
METHOD_CHARACTERS_MAX: Final = 16
PATH_CHARACTERS_MAX: Final = 256
"""A request may have some thousand of either, and the queue holds 2,048 spans."""
_CONTEXT: Final = TraceContextTextMapPropagator()
_UNKNOWN: Final = "unknown_service"


class Tracing:
    """All spans of one process, called `instance`."""

    def __init__(self, keys: TracingKeys, instance: str) -> None:
        endpoint = None if keys.endpoint is None else keys.endpoint.rstrip("/") + TRACES
        self._provider = TracerProvider(
            sampler=_sampler(keys.sample_ratio), resource=_resource(keys.service_name, instance), shutdown_on_exit=False
        )
        self._exporter = OTLPSpanExporter(endpoint=endpoint)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer(SERVICE)

    @contextlib.contextmanager
    def request(self, method: str, route: str, path: str, headers: Mapping[str, str]) -> Iterator[Request]:
        """A request from its headers to its answer. Whoever uses it says how it ended."""
        method, path = method[:METHOD_CHARACTERS_MAX], path[:PATH_CHARACTERS_MAX]
        called = route if " " in route else method  # nothing is there: a path is no name
        span = self._tracer.start_span(
            called,
            _CONTEXT.extract({name: headers[name] for name in ("traceparent", "tracestate") if name in headers}),
            SpanKind.SERVER,
            {"http.request.method": method, "http.route": called.partition(" ")[2], "url.path": path},
        )
        request = Request(span, called, given_id(headers))
        token = CURRENT.set(span if span.is_recording() else None)
        try:
            yield request
        finally:
            with harmless():
                request.end()
            CURRENT.reset(token)

    def shard_calls(self, client: SubmitsTimed, shard: int, secret: Secret) -> ShardCalls:
        """What carries calls with rows of traced requests to a shard."""
        return ShardCalls(self._tracer, client, shard, secret)

    async def close(self) -> None:
        """Send what there is, if somebody takes it. A collector that hangs keeps a thread, which nobody waits for, and not the process."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                while closing.is_alive():  # noqa: ASYNC110 - a thread has no event, and a process ends once
                    await asyncio.sleep(0.01)
        except TimeoutError:
            stop: Callable[[], None] = self._exporter.shutdown
            stop()  # the rest is lost, and nothing is tried again


def _sampler(ratio: float | None) -> Sampler | None:
    """A caller may ask that nothing is recorded; that more is recorded than the share that is wanted it may not, or it could make a front
    door do as much as it likes. None: as the variables say."""
    if ratio is None:
        return None
    share = TraceIdRatioBased(ratio)
    return ParentBased(share, remote_parent_sampled=share)


def _resource(name: str | None, instance: str) -> Resource:
    """What a process says of itself: as the variables say, but for what is given."""
    found = Resource.create({SERVICE_VERSION: version("shardpay"), SERVICE_INSTANCE_ID: instance})
    stated = str(found.attributes.get(SERVICE_NAME, _UNKNOWN))
    return found.merge(Resource({SERVICE_NAME: name or (SERVICE if stated.startswith(_UNKNOWN) else stated)}))
