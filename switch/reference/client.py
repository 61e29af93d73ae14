"""The modules of switch/client that follow from the table of routes.

Types, resources, and the client without an event loop.
"""

import keyword
import re
import subprocess
import sys
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import NODEFAULT, Raw, UnsetType

from switch.api.app import ROUTES
from switch.api.route import Route
from switch.reference.http_calls import query_meaning
from switch.reference.http_fields import described
from switch.reference.schema import Struct, named_in, reachable, title, type_of

FOLDER: Final = Path("switch/client")

NAMES: Final[dict[tuple[str, str], str]] = {
    ("POST", "/v1/transfers"): "transfers.create",
    ("POST", "/v1/transfers/batch"): "transfers.create_many",
    ("GET", "/v1/transfers"): "transfers.find",
    ("GET", "/v1/transfers/{id}"): "transfers.get",
    ("POST", "/v1/lookups/transfers"): "transfers.find_many",
    ("POST", "/v1/dry-runs/transfers"): "transfers.dry_run",
    ("POST", "/v1/transfers/{id}/explanation"): "transfers.explain",
    ("POST", "/v1/transfers/{id}/capture"): "transfers.capture",
    ("POST", "/v1/transfers/{id}/void"): "transfers.void",
    ("POST", "/v1/transfers/{id}/refund"): "transfers.refund",
    ("POST", "/v1/wallets"): "wallets.create",
    ("POST", "/v1/wallets/batch"): "wallets.create_many",
    ("GET", "/v1/wallets"): "wallets.list",
    ("GET", "/v1/wallets/{id}"): "wallets.get",
    ("PATCH", "/v1/wallets/{id}"): "wallets.update",
    ("POST", "/v1/wallets/{id}/{change:freeze|unfreeze|close}"): "wallets.{change}",
    ("GET", "/v1/wallets/{id}/transfers"): "wallets.statement",
    ("GET", "/v1/wallets/{id}/statement"): "wallets.account_statement",
    ("GET", "/v1/wallets/{id}/holds"): "wallets.holds",
    ("GET", "/v1/wallets/{id}/windows"): "wallets.windows",
    ("GET", "/v1/transfers/{id}/events"): "transfers.events",
    ("GET", "/v1/events/{id}"): "events.get",
    ("GET", "/v1/wallets/{id}/balance"): "wallets.balance",
    ("GET", "/v1/owners/transfers"): "owners.transfers",
    ("GET", "/v1/reviews"): "reviews.list",
    ("POST", "/v1/reviews/{id}/approve"): "reviews.approve",
    ("POST", "/v1/reviews/{id}/decline"): "reviews.decline",
    ("GET", "/v1/reviews/{id}"): "reviews.get",
    ("GET", "/v1/analysts"): "reviews.analysts",
    ("GET", "/v1/reviews/{id}/notes"): "reviews.notes",
    ("POST", "/v1/reviews/{id}/notes"): "reviews.add_note",
    ("PUT", "/v1/reviews/{id}/assignee"): "reviews.assign",
    ("GET", "/v1/events"): "events.list",
    ("GET", "/v1/rule-packs"): "rule_packs.list",
    ("GET", "/v1/rule-packs/{name}"): "rule_packs.get",
    ("PUT", "/v1/rule-packs/{name}"): "rule_packs.publish",
    ("POST", "/v1/rule-packs/{name}/mode"): "rule_packs.deploy",
    ("POST", "/v1/rule-packs/backtest"): "rule_packs.backtest",
    ("PUT", "/v1/transfers/{id}/label"): "labels.put",
    ("GET", "/v1/transfers/{id}/label"): "labels.get",
    ("DELETE", "/v1/transfers/{id}/label"): "labels.delete",
    ("POST", "/v1/labels"): "labels.put_many",
    ("GET", "/v1/labels"): "labels.list",
    ("GET", "/v1/lists"): "lists.list",
    ("PUT", "/v1/lists/{name}"): "lists.create",
    ("GET", "/v1/lists/{name}/entries"): "lists.entries",
    ("GET", "/v1/lists/{name}/entries/{value}"): "lists.get_entry",
    ("PUT", "/v1/lists/{name}/entries/{value}"): "lists.add_entry",
    ("DELETE", "/v1/lists/{name}/entries/{value}"): "lists.remove_entry",
    ("GET", "/v1/rule-packs/{name}/rules/{rule}/snoozes"): "snoozes.list",
    ("GET", "/v1/wallets/{id}/snoozes"): "snoozes.of_wallet",
    ("PUT", "/v1/rule-packs/{name}/rules/{rule}/snoozes/{wallet}"): "snoozes.create",
    ("DELETE", "/v1/rule-packs/{name}/rules/{rule}/snoozes/{wallet}"): "snoozes.delete",
    ("POST", "/v1/proposals"): "proposals.create",
    ("GET", "/v1/proposals"): "proposals.list",
    ("GET", "/v1/proposals/{id}"): "proposals.get",
    ("POST", "/v1/proposals/{id}/approve"): "proposals.approve",
    ("POST", "/v1/proposals/{id}/decline"): "proposals.decline",
    ("GET", "/v1/scorecards"): "scorecards.list",
    ("GET", "/v1/scorecards/{name}"): "scorecards.get",
    ("PUT", "/v1/scorecards/{name}"): "scorecards.publish",
    ("POST", "/v1/scorecards/{name}/mode"): "scorecards.deploy",
    ("POST", "/v1/scorecards/backtest"): "scorecards.backtest",
    ("POST", "/v1/scorecards/population"): "scorecards.population",
    ("GET", "/v1/keys"): "keys.list",
    ("POST", "/v1/keys"): "keys.create",
    ("GET", "/v1/keys/{id}"): "keys.get",
    ("PATCH", "/v1/keys/{id}"): "keys.update",
    ("POST", "/v1/keys/{id}/rotate"): "keys.rotate",
    ("POST", "/v1/keys/{id}/revoke"): "keys.revoke",
    ("GET", "/v1/journal/heads"): "journal.heads",
    ("GET", "/v1/admin-log"): "admin_log.list",
    ("GET", "/v1/bench/reports"): "bench_reports.list",
    ("GET", "/v1/bench/reports/{name}"): "bench_reports.get",
    ("GET", "/v1/scenarios"): "scenarios.list",
    ("GET", "/v1/scenarios/{name}"): "scenarios.get",
    ("PUT", "/v1/scenarios/{name}"): "scenarios.publish",
    ("POST", "/v1/consents"): "consents.create",
    ("GET", "/v1/consents"): "consents.list",
    ("GET", "/v1/consents/{id}"): "consents.get",
    ("DELETE", "/v1/consents/{id}"): "consents.withdraw",
    ("POST", "/v1/credit/decisions"): "credit_decisions.create",
    ("GET", "/v1/credit/decisions/{receipt}"): "credit_decisions.get",
    ("POST", "/v1/credit/orders"): "credit_orders.create",
    ("GET", "/v1/credit/orders"): "credit_orders.list",
    ("GET", "/v1/credit/orders/{id}"): "credit_orders.get",
    ("POST", "/v1/credit/orders/import"): "credit_orders.import_past",
    ("POST", "/v1/dry-runs/credit/orders/import"): "credit_orders.check_past",
    ("POST", "/v1/credit/orders/{id}/modify"): "credit_orders.modify",
    ("POST", "/v1/credit/orders/{id}/complete"): "credit_orders.complete",
    ("POST", "/v1/credit/orders/{id}/{change:cancel|paid-elsewhere}"): "credit_orders.{change}",
    ("POST", "/v1/credit/orders/{id}/{change:confirm|pay}"): "credit_orders.{change}",
    ("POST", "/v1/credit/disputes"): "disputes.create",
    ("GET", "/v1/credit/disputes"): "disputes.list",
    ("GET", "/v1/credit/disputes/{id}"): "disputes.get",
    ("POST", "/v1/credit/disputes/{id}/forward"): "disputes.forward",
    ("POST", "/v1/credit/disputes/{id}/answer"): "disputes.answer",
    ("POST", "/v1/credit/disputes/{id}/resolve"): "disputes.resolve",
    ("POST", "/v1/credit/disputes/{id}/reinsert"): "disputes.reinsert",
    ("POST", "/v1/credit/reviews"): "credit_reviews.create",
    ("GET", "/v1/credit/reviews"): "credit_reviews.list",
    ("GET", "/v1/credit/reviews/{id}"): "credit_reviews.get",
    ("POST", "/v1/credit/reviews/{id}/resolve"): "credit_reviews.resolve",
    ("GET", "/v1/wallets/{id}/data"): "credit.data",
    ("DELETE", "/v1/wallets/{id}/profile"): "wallets.erase",
    ("GET", "/v1/wallets/{id}/credit"): "credit.get",
    ("GET", "/v1/wallets/{id}/credit/history"): "credit.history",
    ("GET", "/v1/wallets/{id}/credit/inquiries"): "credit.inquiries",
    ("GET", "/v1/wallets/{id}/credit/points"): "credit.points",
    ("POST", "/v1/wallets/{id}/credit/what-if"): "credit.what_if",
    ("POST", "/v1/webhook-endpoints"): "webhook_endpoints.create",
    ("GET", "/v1/webhook-endpoints"): "webhook_endpoints.list",
    ("GET", "/v1/webhook-endpoints/{id}"): "webhook_endpoints.get",
    ("PATCH", "/v1/webhook-endpoints/{id}"): "webhook_endpoints.update",
    ("DELETE", "/v1/webhook-endpoints/{id}"): "webhook_endpoints.delete",
    ("POST", "/v1/webhook-endpoints/{id}/secret/rotate"): "webhook_endpoints.rotate_secret",
    ("POST", "/v1/webhook-endpoints/{id}/test"): "webhook_endpoints.test",
    ("POST", "/v1/webhook-endpoints/{id}/replay"): "webhook_endpoints.replay_dead",
    ("GET", "/v1/webhook-endpoints/{id}/deliveries"): "webhook_deliveries.list",
    ("GET", "/v1/webhook-deliveries"): "webhook_deliveries.of_events",
    ("GET", "/v1/webhook-endpoints/{id}/deliveries/{delivery}"): "webhook_deliveries.get",
    ("POST", "/v1/webhook-endpoints/{id}/deliveries/{delivery}/replay"): "webhook_deliveries.replay",
}
"""What the client calls a route: a resource, and one of its methods."""

TABLES: Final = {("POST", "/v1/scores/batch"): "publish_scores", ("POST", "/v1/scores/undo"): "undo_scores"}
"""Routes that take nothing but Arrow: methods of the client itself, written by hand."""

SUMMARIES: Final = {
    "freeze": "Freeze a wallet: it is paid, and pays nothing.",
    "unfreeze": "Unfreeze a wallet: it pays again.",
    "close": "Close an empty wallet, for good.",
    "cancel": "Cancel an order.",
    "paid-elsewhere": "Say that an order was paid in another way.",
    "confirm": "Confirm an order.",
    "pay": "Pay what is owed of an order.",
}
"""What one of the changes does that a path is a choice of."""

NOT_ASKED: Final = ("format",)
"""Parameters that the client does not send: it takes JSON."""

EVENTS: Final = "/v1/events"
"""A list that can be begun anywhere."""

_CHOICE: Final = re.compile(r"\{change:([^}]*)\}")
_PLACE: Final = re.compile(r"\{(\w+)\}")
_PLAIN: Final[dict[Any, str]] = {
    str: "str",
    int: "int",
    float: "float",
    bool: "bool",
    Raw: "Any",
    Any: "Any",
    type(None): "None",
}
_WRITTEN: Final = '"""{}\n\nWritten by `python -m switch.reference`; do not edit.\n"""\n\n'


class Parameter(NamedTuple):
    """A parameter of a method. `default`: None when it must be given."""

    name: str
    kind: str
    default: str | None
    wire: str


# Types.


def types_module() -> str:
    """switch/client/schema.py: what is answered, and what bodies are made of."""
    routes = [route for route in ROUTES if (route.method, route.path) not in TABLES]
    roots = [struct for route in routes for struct in named_in(route.answer)]
    nested = [each for route in ROUTES for body in _bodies(route) for each in reachable([body])[1:]]
    structs = list(dict.fromkeys([*reachable(roots), *nested]))
    return _formatted(
        _WRITTEN.format("What the switch answers, and what bodies are made of.")
        + "from __future__ import annotations\n\nfrom typing import Any\n\nimport msgspec\n\n\n"
        + "\n\n\n".join(map(_struct, structs))
    )


def _struct(struct: Struct) -> str:
    lines = []
    for field in msgspec.structs.fields(struct):
        kind = _kind(type_of(struct, field))
        needed = field.default is NODEFAULT and field.default_factory is NODEFAULT
        kind = kind if needed or kind.endswith(" | None") or kind == "Any" else f"{kind} | None"
        renamed = "" if field.name == field.encode_name else f', name="{field.encode_name}"'
        default = (
            (f" = msgspec.field({renamed[2:]})" if renamed else "")
            if needed
            else (f" = msgspec.field(default=None{renamed})" if renamed else " = None")
        )
        lines.append(f"    {field.name}: {kind}{default}")
    first = (struct.__doc__ or title(struct)).split("\n\n")[0].strip()
    head = (
        f"class {title(struct)}(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True{_tag(struct)}):\n"
        f'{textwrap.fill(chr(34) * 3 + _sentence(first), 136, initial_indent="    ", subsequent_indent="    ")}"""\n\n'
    )
    return head + ("\n".join(lines) or "    pass")


def _tag(struct: Struct) -> str:
    config = struct.__struct_config__
    return "" if config.tag is None else f", tag_field={config.tag_field!r}, tag={config.tag!r}"


def _sentence(text: str) -> str:
    """The first sentence of a docstring, on one line."""
    return " ".join(text.split()).split(". ")[0].removesuffix(".") + "."


def _kind(annotation: Any, place: str = "") -> str:
    """A type as the client writes it; `place`: where types of Structs are."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _kind(parts[0], place)
    if origin in (typing.Union, types.UnionType):
        if sum(isinstance(part, type) and issubclass(part, msgspec.Struct) for part in parts) > 1:
            return "dict[str, Any]"  # which of them it is, a field beside tells
        return " | ".join(dict.fromkeys(_kind(part, place) for part in parts if part is not UnsetType))
    if origin is typing.Literal:
        return "str"
    if origin in (list, tuple):
        return f"list[{_kind(parts[0], place)}]"
    if origin is dict:
        return f"dict[str, {_kind(parts[1], place)}]"
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return place + title(annotation)
    return _PLAIN[annotation]


def _bodies(route: Route) -> Iterator[Struct]:
    """The type of a route's JSON body, if it takes one."""
    return (each for each in route.bodies if isinstance(each, type))


# Resources.


def resources_module() -> str:
    """switch/client/async_resources.py: every route a method, by resource."""
    methods: dict[str, list[str]] = {}
    for route in ROUTES:
        if (route.method, route.path) in TABLES:
            continue
        resource, method = NAMES[route.method, route.path].split(".")
        for word in _words(route):
            name = method.format(change=word.replace("-", "_"))
            methods.setdefault(resource, []).append(_method(route, name, word))
    classes = "\n\n\n".join(
        f'class {_camel(resource)}(Resource):\n    """The calls below `{_root(resource)}`."""\n\n' + "\n\n".join(texts)
        for resource, texts in methods.items()
    )
    attributes = "\n".join(f"        self.{resource} = {_camel(resource)}(call, pages)" for resource in methods)
    return _formatted(_WRITTEN.format("The calls of the switch, by resource.") + _HEAD + classes + _FOOT + attributes)


_HEAD: Final = '''from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from msgspec import UNSET, UnsetType

from . import schema
from .calls import PAGE, Call, body, new_key, path, query

T = TypeVar("T")


class SendCall(Protocol):
    """Send a call until it has its answer."""

    async def __call__(self, call: Call, kind: type[T]) -> T: ...


class ReadPages(Protocol):
    """The pages of a list."""

    def __call__(self, path: str, kind: type[T], /, **parameters: Any) -> AsyncIterator[T]: ...


class Resource:
    """Calls that belong together."""

    def __init__(self, call: SendCall, pages: ReadPages) -> None:
        self._call = call
        self._pages = pages


'''
_FOOT: Final = '''


class AsyncResources:
    """Every resource of a switch."""

    def __init__(self, call: SendCall, pages: ReadPages) -> None:
'''


def _method(route: Route, name: str, word: str) -> str:
    paged = "after" in route.query and "has_more" in getattr(route.answer, "__struct_fields__", ())
    template = _CHOICE.sub(word, route.path)
    places = [Parameter(_place_name(route, place), "str", None, place) for place in _PLACE.findall(template)]
    fields = list(_fields(route))
    asked = [
        _asked(route, each)
        for each in route.query
        if each not in NOT_ASKED and not (paged and each == "after" and route.path != EVENTS)
    ]
    keyed = route.keyed
    given = [*fields, *asked]
    if keyed:
        given.append(Parameter("idempotency_key", "str | None", "None", ""))
    given.sort(key=lambda each: each.default is not None)
    signature = ", ".join(["self", *map(_declared, places), *(["*"] if given else []), *map(_declared, given)])
    answer = _kind(route.answer, "schema.")
    filled = "".join(f", {each.wire}={each.name}" for each in places)
    path = f'path("{template}"{filled})' if places else f'"{template}"'
    doc = _documented(route, word, paged, keyed)
    if paged:
        entry = _kind(msgspec.structs.fields(route.answer)[0].type, "schema.")[5:-1]
        parameters = "".join(f", {each.wire}={each.name}" for each in asked)
        return (
            f"    async def {name}({signature}) -> AsyncIterator[{entry}]:\n{doc}"
            f"        async for page in self._pages({path}, {answer}{parameters}):\n"
            "            for each in page.data:\n                yield each"
        )
    parts = [f'"{route.method}"', path + (f" + query({_passed(asked)})" if asked else "")]
    if fields or route.bodies:
        parts.append(f"body({_passed(fields)})")
    if keyed:
        parts.append("key=new_key(idempotency_key)")
    return f"    async def {name}({signature}) -> {answer}:\n{doc}        return await self._call(Call({', '.join(parts)}), {answer})"


def _documented(route: Route, word: str, paged: bool, keyed: bool) -> str:
    summary = SUMMARIES[word] if word else route.summary.split(". ")[0].removesuffix(".") + "."
    lines = ["One entry after the other, over all pages."] if paged else []
    lines += [f"`{name}`: {_lowered(text)}" for name, text in _meanings_of_fields(route)]
    lines += [
        f"`{_wire(each)}`: {_lowered(query_meaning(route.path, each))}"
        for each in route.query
        if each not in ("limit", *NOT_ASKED) and (each != "after" or route.path == EVENTS)
    ]
    lines += ["`idempotency_key`: a new one by default."] if keyed else []
    lines.append("Raises ShardpayError.")
    wrapped = textwrap.fill(" ".join(lines), 128, initial_indent=_INDENT, subsequent_indent=_INDENT)
    return f'{_INDENT}"""{summary}\n\n{wrapped}\n{_INDENT}"""\n'


def _meanings_of_fields(route: Route) -> Iterator[tuple[str, str]]:
    """Fields of a body that are parameters, and what they mean."""
    for struct in _bodies(route):
        for each in _fields(route):
            text = described(title(struct), each.name.removesuffix("_"))
            if text is not None:
                yield each.name, text


_INDENT: Final = " " * 8


def _lowered(text: str) -> str:
    """A sentence as it goes on behind a colon."""
    return text if text[1].isupper() else text[0].lower() + text[1:]


def _fields(route: Route) -> Iterator[Parameter]:
    for struct in _bodies(route):
        if struct.__name__ == "Scorecard":
            yield Parameter("document", "Mapping[str, Any]", None, "**")
            return
        for field in msgspec.structs.fields(struct):
            kind = _taken(type_of(struct, field))
            needed = field.default is NODEFAULT and field.default_factory is NODEFAULT
            yield Parameter(
                _wire(field.encode_name),
                kind if needed else _or_unset(kind),
                None if needed else "UNSET",
                _wire(field.encode_name),
            )


def _taken(annotation: Any) -> str:
    """A type as a method takes it: objects may be mappings."""
    kind = _kind(annotation, "schema.")
    kind = re.sub(r"list\[(schema\.\w+)\]", r"Sequence[\1 | Mapping[str, Any]]", kind)
    kind = re.sub(r"^(schema\.\w+)", r"\1 | Mapping[str, Any]", kind)
    return kind.replace("list[", "Sequence[").replace("dict[", "Mapping[")


def _or_unset(kind: str) -> str:
    return f"{kind.removesuffix(' | None')} | UnsetType{' | None' if kind.endswith(' | None') else ''}"


def _asked(route: Route, name: str) -> Parameter:
    if name == "limit":
        return Parameter("limit", "int", "PAGE", "limit")
    if name in route.needed:
        return Parameter(_wire(name), "str", None, _wire(name))
    return Parameter(_wire(name), "str | None", "None", _wire(name))


def _wire(name: str) -> str:
    """A name on the wire as a keyword argument: `from` is a word of Python, `body` and `query` take the underscore off."""
    return f"{name}_" if keyword.iskeyword(name) else name


def _place_name(route: Route, place: str) -> str:
    if place != "id":
        return place
    return re.split("/", route.path.split("/{id}")[0])[-1].removesuffix("s").replace("-", "_") + "_id"


def _declared(each: Parameter) -> str:
    return f"{each.name}: {each.kind}" + ("" if each.default is None else f" = {each.default}")


def _passed(given: Iterable[Parameter]) -> str:
    return ", ".join(f"**{each.name}" if each.wire == "**" else f"{each.wire}={each.name}" for each in given)


def _words(route: Route) -> list[str]:
    choice = _CHOICE.search(route.path)
    return choice[1].split("|") if choice else [""]


def _camel(resource: str) -> str:
    return "".join(word.capitalize() for word in resource.split("_"))


def _root(resource: str) -> str:
    return next(path for (_, path), name in NAMES.items() if name.split(".")[0] == resource)


# Without an event loop.

_SYNC: Final = (
    (r"async_resources", "sync_resources"),
    (r"transport_async", "transport_sync"),
    (r"AsyncTransport", "Transport"),
    (r"AsyncResources", "Resources"),
    (r"AsyncClient", "Client"),
    (r"AsyncIterator", "Iterator"),
    (r"AsyncGenerator\[([\w| ]+), None\]", r"Generator[\1, None, None]"),
    (r"AsyncGenerator", "Generator"),
    (r"async (def|with|for) ", r"\1 "),
    (r"await asyncio\.sleep", "time.sleep"),
    (r"await ", ""),
    (r"import asyncio\n", ""),
    (r"__aenter__", "__enter__"),
    (r"__aiter__", "__iter__"),
    (r"__anext__", "__next__"),
    (r"\banext\b", "next"),
    (r"\baclose\b", "close"),
    (r"__aexit__", "__exit__"),
    (r"aclosing", "closing"),
    (r"with an event loop", "without an event loop"),
)


def without_loop(text: str) -> str:
    """The same module for programs without an event loop."""
    for pattern, replacement in _SYNC:
        text = re.sub(pattern, replacement, text)
    return (
        text
        if "do not edit" in text
        else text.replace('."""\n', '.\n\nWritten by `python -m switch.reference`; do not edit.\n"""\n', 1)
    )


def _formatted(text: str) -> str:
    """A module as the house writes it: unused imports gone, the rest in order."""
    ruff = Path(sys.executable).with_name("ruff")
    name = str(FOLDER / "generated.py")
    for command in (["check", "--select", "I,F401", "--fix-only", "--quiet"], ["format"]):
        run = subprocess.run(
            [ruff, *command, "--stdin-filename", name, "-"], input=text, capture_output=True, text=True, check=False
        )
        if run.returncode:
            raise ValueError(f"the module that was written does not parse: {run.stderr}")
        text = run.stdout
    return text


def sync_resources_module() -> str:
    """switch/client/sync_resources.py."""
    return _formatted(without_loop(resources_module()))


def sync_client_module() -> str:
    """switch/client/sync_client.py."""
    return _formatted(without_loop((FOLDER / "async_client.py").read_text(encoding="utf-8")))


MODULES: Final = {
    "schema.py": types_module,
    "async_resources.py": resources_module,
    "sync_resources.py": sync_resources_module,
    "sync_client.py": sync_client_module,
}
"""Modules by file name, and what makes their text."""
