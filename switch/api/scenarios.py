"""Credit scenarios: list, show, publish."""

import asyncio
from typing import Final, Protocol

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.records.secret import Secret
from actors.stores.rule_packs import VersionConflict
from actors.stores.scenarios import ScenariosFull, ScenarioStore, StoredScenario
from rules.language.problems import PackError
from rules.scenarios.document import Scenario, Terms, read_scenario
from switch.api.publisher import version_conflict
from switch.api.route import BODY, Route
from switch.api.rule_packs import YAML, DocumentServices, name_in_path, version_asked, version_matched, yaml_text
from switch.api.scenario_catalogue import LoadedScenario, ScenarioCatalogue
from switch.http.access import Access
from switch.http.auth import PUBLISH_SCENARIOS, SEE_SCENARIOS
from switch.http.call import JSON, Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.decoding import SCENARIO_TEXT, decode_long
from switch.http.schema import ScenarioText
from switch.http.times import datetime_text
from switch.problems.table import FieldError, ProblemError, invalid_field
from switch.views.representations import json_response

_SCOPE: Final = "scenarios"


class ConditionPart(msgspec.Struct, frozen=True, kw_only=True, rename={"source": "if"}):
    """One requirement, the reason code that it gives when it does not hold, and what the holder is told then."""

    source: str
    reason: str
    text: str


class ScenarioVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a scenario, as a list shows it."""

    version: int
    hash: str
    made_at: str


class ScenarioShown(ScenarioVersion, frozen=True, kw_only=True):
    """A scenario as everybody may see it. `purpose`: what a holder consents to; `data`: categories of data that it uses; `terms`: limits,
    caps in minor units by currency, and times, the same for everybody; `text` and `versions` only where one scenario is asked for."""

    name: str
    title: str
    description: str | UnsetType = UNSET
    kind: str
    purpose: str
    data: tuple[str, ...]
    condition: list[ConditionPart]
    grant: str | UnsetType = UNSET
    terms: Terms
    refusal: str
    text: str | UnsetType = UNSET
    versions: list[ScenarioVersion] | UnsetType = UNSET


class ScenarioList(msgspec.Struct, frozen=True):
    """A page of scenarios, each in its newest version."""

    data: list[ScenarioShown]
    has_more: bool
    next: str | None


class CatalogueServices(Protocol):
    """Scenarios that are ready to be asked."""

    scenarios: ScenarioCatalogue


class ScenarioServices(CatalogueServices, DocumentServices, Protocol):
    """What these handlers use of the front door."""

    secret: Secret
    scenario_store: ScenarioStore


async def list_scenarios(services: ScenarioServices, call: Call) -> web.Response:
    """GET /v1/scenarios."""
    query = call.query()
    limit = page_limit(query)
    start = decode_cursor(services.secret, _SCOPE, query["after"]) if "after" in query else 0
    found = sorted((await services.scenarios.current()).values(), key=lambda each: each.stored.number)
    page = [each for each in found if each.stored.number > start][: limit + 1]
    data = [_shown(each.stored, each.scenario) for each in page[:limit]]
    more = len(page) > limit
    cursor = encode_cursor(services.secret, _SCOPE, page[limit - 1].stored.number) if more else None
    return json_response(ScenarioList(data, more, cursor))


async def get_scenario(services: ScenarioServices, call: Call) -> web.Response:
    """GET /v1/scenarios/{name}?version=."""
    query = call.query()
    return await _answer(services, name_in_path(call), version_asked(query), 200)


async def put_scenario(services: ScenarioServices, call: Call) -> web.Response:
    """PUT /v1/scenarios/{name}: YAML, or JSON that holds it as `text`."""
    name = name_in_path(call)
    newest = version_matched(call)
    text = await _text(services, call)
    there = await services.scenario_store.one(name)
    last = 0 if there is None else there.version
    if newest is not None and newest != last:
        raise version_conflict(last)
    if there is not None and there.text == text:
        return await _answer(services, name, last, 200)
    checked = await asyncio.to_thread(_checked, text)
    if checked.name != name:
        raise invalid_field("name", f"the scenario calls itself {checked.name}")
    try:
        version = await services.scenario_store.publish(name, text, call.principal.account, newest)
    except VersionConflict as error:
        raise version_conflict(error.newest) from None
    except ScenariosFull as error:
        raise ProblemError("scenarios_full", f"{str(error).capitalize()}.") from None
    services.scenarios.expire()
    return await _answer(services, name, version, 201)


async def _text(services: ScenarioServices, call: Call) -> str:
    """A scenario's text. Raises ProblemError."""
    if call.content_type == JSON:
        steps = decode_long(SCENARIO_TEXT, await call.body(services.limits.pack_bytes_max))
        text = (await services.scheduler.run(call.principal.account, steps)).text
    else:
        text = await yaml_text(services, call)
    if "\0" in text:
        raise invalid_field("text", "a scenario has no NUL characters")
    return text


def _checked(text: str) -> Scenario:
    try:
        return read_scenario(text)
    except PackError as error:
        first = error.problems[0]
        errors = tuple(
            FieldError("text", each.message, line=each.line, column=each.column, text=each.text, hint=each.hint)
            for each in error.problems
        )
        detail = f"line {first.line}, column {first.column}: {first.message}"
        raise ProblemError("invalid_scenario", detail, errors=errors) from None


async def scenario_named(services: CatalogueServices, name: str) -> LoadedScenario:
    """The newest version of a scenario. Raises ProblemError scenario_not_found."""
    found = (await services.scenarios.current()).get(name)
    if found is None:
        raise ProblemError("scenario_not_found")
    return found


async def _answer(services: ScenarioServices, name: str, version: int | None, status: int) -> web.Response:
    stored = await services.scenario_store.one(name, version)
    if stored is None:
        raise ProblemError("scenario_not_found")
    versions = [_version(each) for each in await services.scenario_store.history(name)]
    loaded = await services.scenarios.version(stored.number, stored.version)
    assert loaded is not None, "versions never go"
    shown = _shown(stored, loaded.scenario)
    shown = msgspec.structs.replace(shown, text=stored.text, versions=versions)
    return json_response(shown, status, {"ETag": f'"{stored.version}"'})


def _version(stored: StoredScenario) -> ScenarioVersion:
    return ScenarioVersion(
        version=stored.version,
        hash=stored.hash,
        made_at=datetime_text(stored.made_at),
    )


def _shown(stored: StoredScenario, scenario: Scenario) -> ScenarioShown:
    return ScenarioShown(
        **msgspec.structs.asdict(_version(stored)),
        name=scenario.name,
        title=scenario.title,
        description=scenario.description or UNSET,
        kind=scenario.kind,
        purpose=scenario.purpose,
        data=scenario.data,
        condition=[
            ConditionPart(source=each.source, reason=each.reason, text=each.text) for each in scenario.requirements
        ],
        grant=scenario.grant_source or UNSET,
        terms=scenario.terms,
        refusal=scenario.refusal,
    )


ROUTES: Final = (
    Route(
        "GET",
        "/v1/scenarios",
        "List credit scenarios: what each asks, grants and uses.",
        SEE_SCENARIOS,
        Access.PUBLIC,
        list_scenarios,
        answer=ScenarioList,
        query=("limit", "after"),
    ),
    Route(
        "GET",
        "/v1/scenarios/{name}",
        "A version of a credit scenario.",
        SEE_SCENARIOS,
        Access.PUBLIC,
        get_scenario,
        answer=ScenarioShown,
        query=("version",),
        problems=frozenset({"invalid_field", "scenario_not_found"}),
    ),
    Route(
        "PUT",
        "/v1/scenarios/{name}",
        "Publish a version of a credit scenario.",
        PUBLISH_SCENARIOS,
        Access.REFUSED,
        put_scenario,
        answer=ScenarioShown,
        bodies=(ScenarioText, YAML[0]),
        problems=BODY | {"invalid_scenario", "scenario_not_found", "scenarios_full", "version_conflict"},
        long=True,
    ),
)
