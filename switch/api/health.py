"""For whoever runs the switch: is it alive, is it ready, what has it done."""

from typing import Final, Literal, Protocol

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from switch.api.probes import Probes, Readiness
from switch.api.route import OpenRoute
from switch.http.server import Answer
from switch.views.representations import json_response


class HealthServices(Protocol):
    """What these paths use of the front door."""

    probes: Probes


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"]


async def healthz(services: HealthServices) -> web.Response:
    """GET /healthz: the process answers."""
    return json_response(Health(status="ok"))


async def readyz(services: HealthServices) -> web.Response:
    """GET /readyz: the database answers, every shard shows a durable state, which it does only when it serves and owns its journal, and
    says that nothing stops it. Ready stays ready with warnings: what operators should mend while payments go on."""
    return json_response(await services.probes.readiness())


async def metrics(services: HealthServices) -> web.Response:
    """GET /metrics: Prometheus text."""
    return Answer(await services.probes.scrape(), content_type=CONTENT_TYPE_LATEST)


ROUTES: Final = (
    OpenRoute("/healthz", "The process answers.", healthz, Health),
    OpenRoute(
        "/readyz",
        "200 when every shard has recovered and can commit, else 503 that says what is missing. `warnings` names what an "
        "operator should mend.",
        readyz,
        Readiness,
        problems=frozenset({"not_ready", "database_unavailable"}),
    ),
    OpenRoute("/metrics", "Prometheus text format: [metrics](metrics.md).", metrics, CONTENT_TYPE_LATEST),
)
