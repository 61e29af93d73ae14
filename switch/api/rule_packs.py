"""Rule packs: list, show, publish, and say which are live, in shadow, or challenge the live one."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeVar

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.records.secret import Secret
from actors.scoring.counting import DECIDED, HIT, NO_VALUE, SHADOW
from actors.stores.deployment import Deployment
from actors.stores.rule_packs import PackStore, StoredPack
from rules.language.problems import Problem
from rules.language.reading import NAME
from switch.api.publisher import PackWarning, Publisher, RolloutStatus, warnings_of
from switch.api.recorded import RecordedServices, answered_once
from switch.api.route import BODY, Route
from switch.api.services import Limits
from switch.fairness.scheduling import Scheduler
from switch.http.access import Access
from switch.http.auth import PUBLISH, READ_DOCUMENTS
from switch.http.call import JSON, Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.decoding import PACK_MODE, PACK_TEXT, decode, decode_long
from switch.http.schema import PackMode, PackText
from switch.http.times import datetime_text
from switch.problems.table import ProblemError, invalid_field, invalid_query
from switch.views.pack_names import PackCatalogue
from switch.views.representations import ACTION_NAMES, json_response

YAML: Final = ("application/yaml", "application/x-yaml", "text/yaml")
DEPLOYMENTS_SHOWN: Final = 20
_SCOPE: Final = "rule-packs"
_ETAG: Final = re.compile(r'(?:W/)?"(\d{1,9})"')

M = TypeVar("M", bound=PackMode)

Counted = Mapping[tuple[int, str, int], int]


class RuleShown(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, how often it fired since its pack was published, whatever came of it, and how often it had no value."""

    id: str
    mode: str
    hits: int
    no_value: int


class ShadowShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack in shadow would have decided: `agreed` of `payments`, and all by what was decided, then by what it would have been."""

    payments: int
    agreed: int
    decided: dict[str, dict[str, int]]


class VersionShown(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a pack, without its text. `share` of a challenger, in per mille."""

    name: str
    version: int
    number: int
    mode: str
    share: int | UnsetType = UNSET
    hash: str
    made_by: str | None
    made_at: str


class PackShown(VersionShown, frozen=True, kw_only=True):
    """One version of a pack, whole; `card`: the scorecard that it names; `decided`: payments that it decided, by action."""

    text: str
    files: dict[str, str]
    card: str | None
    fallback: str
    reasons: tuple[str, ...]
    rules: list[RuleShown]
    decided: dict[str, int]
    shadow: ShadowShown
    versions: list[VersionShown]
    warnings: list[PackWarning] | UnsetType = UNSET


class DeploymentShown(msgspec.Struct, frozen=True, kw_only=True):
    """Which packs run, as name@version."""

    revision: int
    live: str
    challenger: str | None
    share: int
    shadows: list[str]
    made_by: str | None
    made_at: str


class PackList(msgspec.Struct, frozen=True):
    """A page of packs, each in its newest version; `deployments`: the last ones, newest first."""

    data: list[VersionShown]
    has_more: bool
    next: str | None
    deployments: list[DeploymentShown]


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a change of mode: what runs now, and which scorers have it."""

    name: str
    version: int
    mode: str
    deployment: DeploymentShown
    scorers: RolloutStatus


# Showing.


class DocumentServices(Protocol):
    """How long a document may be, and in whose turn a long one is read."""

    limits: Limits
    scheduler: Scheduler


class PackServices(DocumentServices, RecordedServices, Protocol):
    """What handlers of rule packs and scorecards use of the front door."""

    secret: Secret
    packs: PackStore
    catalogue: PackCatalogue
    publisher: Publisher


async def list_packs(services: PackServices, call: Call) -> web.Response:
    """GET /v1/rule-packs."""
    query = call.query()
    limit = page_limit(query)
    start = decode_cursor(services.secret, _SCOPE, query["after"]) if "after" in query else 0
    packs = await services.packs.newest_packs(start, limit + 1)
    changes = await services.packs.changes(DEPLOYMENTS_SHOWN)
    data = [_version(pack, changes[0]) for _, pack in packs[:limit]]
    more = len(packs) > limit
    cursor = encode_cursor(services.secret, _SCOPE, packs[limit - 1][0]) if more else None
    return json_response(PackList(data, more, cursor, await _deployments(services, changes)))


async def get_pack(services: PackServices, call: Call) -> web.Response:
    """GET /v1/rule-packs/{name}?version=."""
    query = call.query()
    return await _answer(services, name_in_path(call), version_asked(query), 200)


async def _answer(
    services: PackServices, name: str, version: int | None, status: int, notes: Sequence[Problem] | None = None
) -> web.Response:
    """`notes`: on a version that was published just now."""
    pack = await _found(services, name, version)
    versions = await services.packs.versions_of_pack(name)
    deployment = await services.packs.deployment()
    counted = await services.packs.counts([pack.number])
    shown = PackShown(
        **msgspec.structs.asdict(_version(pack, deployment)),
        text=pack.text,
        card=None if pack.facts.card is None else "{}@{}".format(*pack.facts.card),
        fallback=ACTION_NAMES[pack.facts.fallback],
        reasons=pack.facts.reasons,
        files=pack.files,
        rules=_rules(pack, counted),
        decided={name: counted.get((pack.number, DECIDED, action), 0) for action, name in ACTION_NAMES.items()},
        shadow=_shadow(pack.number, counted),
        versions=[_version(each, deployment) for each in versions],
        warnings=UNSET if notes is None else warnings_of(notes),
    )
    return json_response(shown, status, {"ETag": f'"{pack.version}"'})


def _rules(pack: StoredPack, counted: Counted) -> list[RuleShown]:
    return [
        RuleShown(
            id=rule,
            mode="live" if live else "shadow",
            hits=counted.get((pack.number, HIT, bit), 0),
            no_value=counted.get((pack.number, NO_VALUE, bit), 0),
        )
        for bit, (rule, live) in enumerate(zip(pack.facts.rules, pack.facts.live, strict=True))
    ]


async def _found(services: PackServices, name: str, version: int | None) -> StoredPack:
    pack = await services.packs.pack(name, version)
    if pack is None:
        raise ProblemError("rule_pack_not_found")
    return pack


def _version(pack: StoredPack, deployment: Deployment) -> VersionShown:
    mode = deployment.mode_of(pack.number)
    return VersionShown(
        name=pack.facts.name,
        version=pack.version,
        number=pack.number,
        mode=mode,
        share=deployment.share if mode == "challenger" else UNSET,
        hash=pack.facts.hash,
        made_by=pack.made_by,
        made_at=datetime_text(pack.made_at),
    )


def _shadow(number: int, counted: Counted) -> ShadowShown:
    table = {
        decided: {
            would: counted.get((number, SHADOW, len(ACTION_NAMES) * i + j), 0) for j, would in ACTION_NAMES.items()
        }
        for i, decided in ACTION_NAMES.items()
    }
    payments = sum(sum(row.values()) for row in table.values())
    return ShadowShown(payments=payments, agreed=sum(table[name][name] for name in table), decided=table)


async def _deployments(services: PackServices, changes: list[Deployment]) -> list[DeploymentShown]:
    names = await services.catalogue.names({number for each in changes for number in each.packs})
    return [
        DeploymentShown(
            revision=each.revision,
            live=names[each.live].label,
            challenger=None if each.challenger is None else names[each.challenger].label,
            share=each.share,
            shadows=[names[number].label for number in each.shadows],
            made_by=each.made_by,
            made_at=datetime_text(each.made_at) if each.made_at else "",
        )
        for each in changes
    ]


# Publishing.


async def put_pack(services: PackServices, call: Call) -> web.Response:
    """PUT /v1/rule-packs/{name}: YAML, or JSON that holds it as `text`."""
    name = name_in_path(call)
    newest = version_matched(call)
    text, files = await _text(services, call)
    made = await services.publisher.publish(name, text, files, call.principal.account, newest)
    return await _answer(services, name, made.version, 201 if made.new else 200, made.notes if made.new else None)


async def _text(services: PackServices, call: Call) -> tuple[str, dict[str, str]]:
    """A pack's text and that of the files it names. Raises ProblemError."""
    files: dict[str, str] = {}
    if call.content_type == JSON:
        steps = decode_long(PACK_TEXT, await call.body(services.limits.pack_bytes_max))
        body = await services.scheduler.run(call.principal.account, steps)
        text, files = body.text, files if body.files is UNSET else body.files
    else:
        text = await yaml_text(services, call)
    if any("\0" in each for each in (text, *files, *files.values())):
        raise invalid_field("text", "a pack has no NUL characters")
    return text, files


async def yaml_text(services: DocumentServices, call: Call) -> str:
    """A body that is the text itself. Raises ProblemError."""
    if call.content_type not in YAML:
        raise ProblemError("unsupported_media_type", f"This call takes {YAML[0]} or {JSON}.")
    try:
        return (await call.body(services.limits.document_bytes_max)).decode()
    except UnicodeDecodeError as error:
        raise invalid_field("", f"the text is not UTF-8 at byte {error.start}") from None


async def set_mode(services: PackServices, call: Call) -> web.Response:
    """POST /v1/rule-packs/{name}/mode."""
    name = name_in_path(call)
    raw, body = await mode_asked(services, call, PACK_MODE)

    async def change() -> Deployed:
        pack = await _found(services, name, None if body.version is UNSET else body.version)
        rollout = await services.publisher.deploy(pack, body.mode, share_of(body), call.principal.account)
        shown = await deployment_now(services)
        return Deployed(name=name, version=pack.version, mode=body.mode, deployment=shown, scorers=rollout)

    return await answered_once(services, call, raw, change)


async def versioned_mode(services: PackServices, name: str, body: bytes) -> PackMode:
    """The change of mode that a body asks for, with the version that it would take now: what is published before a second person has
    approved it is not what that person saw. Raises ProblemError."""
    asked = decode(PACK_MODE, body)
    pack = await _found(services, document_name(name), None if asked.version is UNSET else asked.version)
    return msgspec.structs.replace(asked, version=pack.version)


async def mode_asked(services: PackServices, call: Call, decoder: msgspec.json.Decoder[M]) -> tuple[bytes, M]:
    """The body of a change of mode, as it came and as it is read. Raises ProblemError."""
    raw = await call.json_body(services.limits.json_bytes_max)
    body = decode(decoder, raw)
    if (body.mode == "challenger") != (body.share is not UNSET):
        raise invalid_field("share", "a challenger, and only a challenger, has a share of the wallets in per mille")
    return raw, body


def share_of(body: PackMode) -> int:
    """The share asked for, 0 for what is no challenger."""
    return 0 if body.share is UNSET else body.share


async def deployment_now(services: PackServices) -> DeploymentShown:
    """Which packs run."""
    (shown,) = await _deployments(services, await services.packs.changes(1))
    return shown


# What packs and scorecards have in common.


def name_in_path(call: Call) -> str:
    """The name of a document. Raises ProblemError invalid_field."""
    return document_name(call.request.match_info["name"])


def document_name(name: str) -> str:
    """The same name, if a document can have it. Raises ProblemError invalid_field."""
    if not NAME.fullmatch(name):
        raise invalid_field("name", "a name has up to 64 letters, digits and _ . -, a letter first")
    return name


def version_asked(query: dict[str, str]) -> int | None:
    """The parameter `version`. Raises ProblemError invalid_query."""
    text = query.get("version")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) >= 1):
        raise invalid_query("version", "a number from 1 on is expected")
    return int(text)


def version_matched(call: Call) -> int | None:
    """The version that the author knows to be the newest, by If-Match; 0 by `If-None-Match: *`; None without either."""
    headers = call.request.headers
    if "If-None-Match" in headers:
        if headers["If-None-Match"].strip() != "*":
            raise invalid_field("If-None-Match", "only * is understood: there is no version yet")
        return 0
    text = headers.get("If-Match")
    if text is None or text.strip() == "*":
        return None
    found = _ETAG.fullmatch(text.strip())
    if found is None:
        raise invalid_field("If-Match", 'an ETag as GET gives it is expected, like "3"')
    return int(found[1])


ROUTES: Final = (
    Route(
        "GET",
        "/v1/rule-packs",
        "List rule packs and the last deployments.",
        READ_DOCUMENTS,
        Access.REFUSED,
        list_packs,
        answer=PackList,
        query=("limit", "after"),
    ),
    Route(
        "GET",
        "/v1/rule-packs/{name}",
        "A version of a rule pack, and what it has decided.",
        READ_DOCUMENTS,
        Access.REFUSED,
        get_pack,
        answer=PackShown,
        query=("version",),
        problems=frozenset({"invalid_field", "rule_pack_not_found"}),
    ),
    Route(
        "PUT",
        "/v1/rule-packs/{name}",
        "Publish a version of a rule pack.",
        PUBLISH,
        Access.REFUSED,
        put_pack,
        answer=PackShown,
        bodies=(PackText, YAML[0]),
        problems=BODY | {"invalid_rule_pack", "rule_pack_not_found", "scorecard_not_found", "version_conflict"},
        long=True,
    ),
    Route(
        "POST",
        "/v1/rule-packs/{name}/mode",
        "Run a rule pack live, as challenger or in shadow, or take it off.",
        PUBLISH,
        Access.REFUSED,
        set_mode,
        answer=Deployed,
        bodies=(PackMode,),
        problems=BODY
        | {"deployment_refused", "idempotency_mismatch", "invalid_idempotency_key", "rule_pack_not_found"},
        four_eyes=True,
        body_kept=True,
    ),
)
