"""docs/reference/http-api.md, from the routes and the types of bodies and answers."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from models.scorecard import Scorecard
from switch.api.app import OPEN_ROUTES, ROUTES
from switch.api.route import ALWAYS, BODY, WRITE, Route
from switch.api.services import MIB
from switch.gateway import arrow, score_columns
from switch.gateway.arrow_messages import BATCHES_MAX, DICTIONARIES_MAX, ENTRIES_MAX, METADATA_BYTES_MAX
from switch.http.access import Access
from switch.problems.table import NUMBERS
from switch.reference.http_calls import CREATED, NOTES, query_meaning
from switch.reference.http_fields import meaning
from switch.reference.markdown import code, page, table
from switch.reference.schema import fields, link, named_in, reachable, title, words

_INTRODUCTION: Final = """\
- Send `Authorization: Bearer KEY`. A key has scopes, and its account may be bound to wallets: [access](access.md).
- Bodies are JSON. An unknown field is an error; null for a field that may be left out is as if it were not there; in a `PATCH`,
  it clears a field that may be null.
- Amounts are integers in minor units. Ids are UUID texts that the switch assigns. Times are RFC 3339 in UTC.
- The same for programs is `/openapi.json`, OpenAPI 3.1; `/docs` is a page on which calls can be tried with a key.
- `Idempotency-Key`: 1 to 255 printable ASCII characters, bare or quoted. Mandatory for POST under `/v1/transfers`, honoured on every
  POST that changes anything. The same key with the same body gets the first answer again, with `Idempotent-Replayed: true`; with
  another body `idempotency_mismatch`. A key counts for 24 hours at least and belongs to its caller and wallet. All API keys of one name
  are one caller: a retry under a key of another name is another payment.
- `Shardpay-Time`: the effective time of a historical payment; needs the scope `import`.
- Lists answer `{data, has_more, next}`; `?after=NEXT` is the next page.
- Errors are `application/problem+json` with `code`, `retryable` and `money_moved`: [problems](problems.md). 429 and 503 carry
  `Retry-After`. After a timeout send the same request again, or ask by key."""


def document() -> str:
    """The page."""
    shared = (
        f"Problems of every call: {_problems(ALWAYS)}.\n\nOf every call with a body: {_problems(BODY)}.\n\n"
        f"Of every call that writes to the ledger: {_problems(WRITE - BODY)}."
    )
    structs = reachable(
        each for route in ROUTES for each in (_body(route), *named_in(route.answer)) if each is not None
    )
    return page(
        "HTTP API",
        _INTRODUCTION,
        shared,
        "## Calls",
        *map(_call, ROUTES),
        "### Without a key",
        *(f"#### GET {each.path}\n\n{each.summary}" for each in OPEN_ROUTES),
        "#### GET /problems/{code}\n\nThe page of a problem, as HTML: a problem's `type` leads here.",
        "## Batches as Arrow",
        *_arrow(),
        "### Scores as Arrow",
        *_scores(),
        "## Types",
        "A field that is not needed may be left out of a body, and is left out of an answer where it says nothing.",
        *map(_type, structs),
    )


def heading(route: Route) -> str:
    """The heading of a call."""
    path = _CHOICE.sub(lambda choice: ", /".join(choice[1].split("|")), route.path)
    return f"{route.method} {path}"


_CHOICE: Final = re.compile(r"\{change:([^}]*)\}")
"""The part of a path that is one of some words."""


def _call(route: Route) -> str:
    notes = NOTES.get((route.method, route.path), "")
    parts = [f"### {heading(route)}", f"{route.summary} {notes}".strip(), _facts(route)]
    if route.query:
        parts.append(
            table(("parameter", "meaning"), ((code(name), query_meaning(route.path, name)) for name in route.query))
        )
    own = route.problems - WRITE if route.problems >= WRITE else route.problems - BODY
    if own:
        writing = ", and those of writing to the ledger" if route.problems >= WRITE else ""
        parts.append(f"Problems: {_problems(own)}{writing}.")
    return "\n\n".join(parts)


def _body(route: Route) -> type[msgspec.Struct] | None:
    """The type of a JSON body, None for a call without one. A scorecard has a page of its own: [scorecards](scorecards.md)."""
    body = route.bodies[0] if route.bodies else None
    described = isinstance(body, type) and issubclass(body, msgspec.Struct) and body is not Scorecard
    return body if described else None


def _facts(route: Route) -> str:
    bound = "A bound account: " + ("may not call it" if route.access is Access.REFUSED else route.access.value)
    facts = [f"Scope: {' or '.join(map(code, sorted(route.scopes)))}", bound]
    body = _body(route)
    if body is not None and fields(body):
        facts.append(f"Body: {link(body)}")
    facts.append(f"Answer: {201 if (route.method, route.path) in CREATED else 200} {words(route.answer)}")
    return "\n".join(f"- {fact}" for fact in facts)


def _problems(codes: Iterable[str]) -> str:
    return ", ".join(f"[{name}](problems.md#{name})" for name in sorted(codes))


def _type(struct: type[msgspec.Struct]) -> str:
    name = title(struct)
    rows = ((code(f.name), f.takes, "yes" if f.needed else "", meaning(name, f.name)) for f in fields(struct))
    return f"### {name}\n\n" + (
        table(("field", "takes", "needed", "meaning"), rows) if fields(struct) else "No fields."
    )


def _arrow() -> Iterator[str]:
    yield (
        f"`Content-Type: {arrow.CONTENT_TYPE}`, up to {arrow.ROWS_MAX:,} rows, uncompressed. Columns mean what the fields of "
        "[KeyedTransfer](#keyedtransfer) and [Context](#context) mean; texts may be dictionary-encoded. A stream has at most "
        f"{BATCHES_MAX} record batches, {ENTRIES_MAX:,} fields and pairs of metadata, {METADATA_BYTES_MAX // 1024} KiB of names and "
        f"metadata, as many of metadata a message, and {DICTIONARIES_MAX} dictionaries before a record batch; buffers do not overlap. "
        f"A text has at most {arrow.TEXT_BYTES_MAX} bytes, those of a column in one record batch {arrow.TEXTS_BYTES_MAX // MIB} MiB. "
        f"A dictionary has at most {arrow.ROWS_MAX:,} values and comes whole, not as deltas; those of all record batches have "
        f"{arrow.CODED_BYTES_MAX // MIB} MiB, one that several use counted for each."
    )
    yield table(("column", "type", "needed"), (_column(name, needed) for name, needed in arrow.COLUMNS.items()))
    yield (
        "An idempotency key is the 16 bytes of the UUID whose text is the key. Rows with equal numbers in `group` are linked. The "
        "answer is an Arrow stream with the columns `id` (16 bytes), `code` (uint16, 0 = ok) and `replayed` (bool), in the order of "
        "the rows. The schema's metadata names the `codes`, and lists those that are `retryable`:"
    )
    yield ", ".join(f"{number} {name}" for number, name in sorted(NUMBERS.items())) + "."


def _scores() -> Iterator[str]:
    yield (
        f"For [POST /v1/scores/batch](#post-v1scoresbatch), up to {arrow.ROWS_MAX:,} rows; texts, `run` and `as_of` may be "
        "dictionary-encoded. A stream has the bounds of [batches](#batches-as-arrow), and lists of a record batch at most "
        f"{arrow.LISTED_MAX:,} values."
    )
    rows = (
        (code(name), score_columns.TYPES[name], "yes" if needed else "")
        for name, needed in score_columns.COLUMNS.items()
    )
    yield table(("column", "type", "needed"), rows)
    yield (
        "A wallet without a score has null and its `na_cause`, `few_days`, `few_payments` or `withdrawn`, and neither subtotals nor "
        "reasons. `subtotals` add up to the score; `reasons` are codes of the card with the points that each costs, at most four. `card` "
        "is `name@version` of a published wallet card. With `features`, all that the card looks at, null where nothing is known, the "
        "holder can recompute the score and ask what a change would give; they are refused unless the card gives exactly this score for "
        "them. "
        "The answer has the columns `code` and `replayed`. Its metadata has the database's `timeline`: another one than that of an earlier "
        "answer means that a standby was promoted in between, which may lack what was answered before: send the whole run again."
    )


def _column(name: str, needed: bool) -> tuple[str, str, str]:
    kinds = {**dict.fromkeys(arrow.BINARY, "fixed_size_binary(16)"), **dict.fromkeys(arrow.TEXT, "string")}
    return code(name), kinds.get(name) or str(arrow.PLAIN[name]), "yes" if needed else ""
