"""docs/reference/configuration.md, from the types that the file of `serve --config` is read into."""

from typing import Final

import msgspec

from actors.ledger.bounds import Capacity
from rules.scenarios.law import PRESETS, CreditKeys, CreditLaw
from switch.api.four_eyes import FourEyes
from switch.fairness.rates import RequestLimits
from switch.node.settings import ConfigFile
from switch.reference.markdown import code, page, table
from switch.tracing.settings import TracingKeys
from switch.webhooks.addresses import WebhookKeys

_INTRODUCTION: Final = """\
`shardpay serve --config FILE` reads one TOML file. An unknown key is an error that names the key. What is not in the file has its
default. Everything else is an option of a command: see [commands](commands.md)."""

_EXAMPLE: Final = """\
```toml
review_expires_in = 3600          # one hour for an analyst

[daily_limits]                    # a wallet's tier = minor units a day
0 = 50000
1 = 500000

[capacity]                        # for each shard
keys = 100_000_000
```"""

_CREDIT: Final = """\
The section `credit` says how long disputes, reviews and negative entries take. The presets are defaults of ours after what the law of each
place asks for; they are **not legal advice**. A key that is not set has the value of the preset. `shardpay features` takes
`negative_days` as its option `--negative-days`, or this file as `--config`."""

KEYS: Final = {
    "daily_limits": "Table of tier (0..255) to minor units: what a user or merchant wallet of that tier may pay in a UTC day, by "
    "effective time. A tier that is not named has no limit.",
    "review_expires_in": "Seconds after which a payment in review that no analyst has decided expires and counts as declined.",
    "requests": "How many requests a second an account may make, [below](#requests).",
    "capacity": "Sizes of a shard's tables, [below](#capacity).",
    "allow_unsafe_database": "Accept a PostgreSQL server with `fsync` or `synchronous_commit` off. Such a server loses committed "
    "payments in a crash: for tests only.",
    "test_currencies": "Wallets may be opened in XTS and XXX, which stand for no money.",
    "bench_reports": "Folder with results of `shardpay bench`, which the console shows; a path on the machine of each front door. "
    "With `--sample` it is `./bench-results`, if nothing else is said.",
    "credit": "Clocks and retention of credit records, [below](#credit).",
    "webhooks": "Where webhooks may go beside public addresses, [below](#webhooks).",
    "controls": "Whether what changes decisions needs a second account, [below](#controls).",
    "tracing": "Spans of requests to a collector of OpenTelemetry, [below](#tracing).",
    "checkpoints": "Where checkpoints are stored: a URI that pyarrow.fs understands, such as `s3://bucket/path` or `file:///path`. "
    "By default below `--data`. Several machines need one place that all of them reach.",
}
"""The keys of the file, and what they mean."""

REQUESTS: Final = {
    "reads_per_s": "Requests with GET.",
    "writes_per_s": "All others; a batch is one request.",
}
"""The keys of the section `requests`, and what they mean."""
CREDIT: Final = {
    "law": "`cn`, `eu` or `us`: the preset that the other keys differ from.",
    "dispute_days": "A dispute is resolved within so many days; one that is not is resolved for the holder.",
    "forward_hours": "A dispute goes to the source of its entry within so many hours, by itself if nobody sends it; 0: at once.",
    "review_days": "Within so many days a person looks at a decision again.",
    "human_review": "Whether holders may ask that a person looks at a decision again.",
    "negative_days": "So many days it is shown, and counts, that an order was overdue or defaulted.",
    "relations": "Whether scores may be published by cards that judge by whom holders pay.",
}
"""The keys of the section `credit`, and what they mean."""

WEBHOOKS: Final = {
    "allow_networks": "Networks, such as `10.1.0.0/16`, that may be called although they are not public: each owner of an endpoint can "
    "send requests there.",
    "allow_http": "Whether an endpoint's URL may be `http://`.",
}
"""The keys of the section `webhooks`, and what they mean."""

CONTROLS: Final = {
    "four_eyes": "Whether a mode of a pack or card, an entry of a list and a snooze is asked for by one account and approved by another.",
    "proposal_hours": "For so many hours a proposal can be approved, 1 to 720.",
}
"""The keys of the section `controls`, and what they mean."""

TRACING: Final = {
    "enabled": "Whether requests are traced.",
    "endpoint": "Base URL of a collector that takes OTLP over HTTP; spans go to `/v1/traces` below it. Else `OTEL_EXPORTER_OTLP_ENDPOINT`, "
    "else `http://localhost:4318`.",
    "service_name": "Name of the switch in spans. Else `OTEL_SERVICE_NAME`, else `shardpay`.",
    "sample_ratio": "Share of the traces that is recorded, 0 to 1. Else `OTEL_TRACES_SAMPLER`, else all.",
}
"""The keys of the section `tracing`, and what they mean."""

CAPACITY: Final = {
    "segments": "Segments of 65,536 wallets on one shard, the segment of operator wallets included.",
    "segment_map": "Segments of the whole cluster.",
    "keys": "Idempotency keys in one generation of 24 hours.",
    "payers": "Payers whose attempts are remembered for windows.",
    "attempts": "Remembered attempts of all payers.",
    "profiles": "Cached remote wallets: payees on other shards.",
    "holds": "Open holds, payments in review included.",
    "caller_holds_percent": "Share of `holds` that one caller may have open, in percent.",
    "originals": "Cached refundable records.",
    "consents": "Live consents.",
    "orders": "Service orders that are not over.",
    "cases": "Disputes and reviews of decisions that are open.",
    "inquirers": "Pairs of a merchant's account and a wallet that it asked about on one day; of one account a quarter of them.",
}
"""The keys of the section `capacity`, and what they mean."""


def document() -> str:
    """The page."""
    capacity = "Each size is for one shard. What happens when a table is full: [size](../operations/size.md)."
    keys = "Unless the file says it, `serve` derives `keys` from the memory of the machine or of its container."
    return page(
        "Configuration",
        _INTRODUCTION,
        _EXAMPLE,
        "## Keys",
        _keys(ConfigFile, KEYS),
        "## Requests",
        "Of one account at one front door, in a second; after a quiet time twice as many at once. Beyond it: 429 `too_many_requests` with "
        "`Retry-After`. 0: any number.",
        _keys(RequestLimits, REQUESTS),
        "## Credit",
        _CREDIT,
        _keys(CreditKeys, CREDIT),
        _presets(),
        "## Webhooks",
        "Without it, webhooks go to public addresses and over TLS: [webhooks](../operations/webhooks.md). A sandbox on loopback "
        "(`serve --sample`) also takes `http://` and loopback.",
        _keys(WebhookKeys, WEBHOOKS),
        "## Controls",
        "See [four eyes](controls.md#four-eyes).",
        _keys(FourEyes, CONTROLS),
        "## Tracing",
        "It needs the extra `otel`: [tracing](../operations/tracing.md).",
        _keys(TracingKeys, TRACING),
        "## Capacity",
        f"{capacity} {keys}",
        _keys(Capacity, CAPACITY),
    )


def _keys(struct: type[msgspec.Struct], texts: dict[str, str]) -> str:
    fields = msgspec.structs.fields(struct)
    assert {field.name for field in fields} == set(texts), "every key has its text"
    return table(("key", "default", "meaning"), ((code(f.name), _default(f.default), texts[f.name]) for f in fields))


def _presets() -> str:
    """What each law sets."""
    names = CreditLaw.__struct_fields__
    rows = ((code(name), *(_default(getattr(law, name)) for law in PRESETS.values())) for name in names)
    return table(("preset", *(code(law) for law in PRESETS)), rows)


def _default(value: object) -> str:
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(value) if isinstance(value, int | str) else ""
