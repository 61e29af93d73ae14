"""docs/reference/journal-format.md, from the record layout, the block header and the enums."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from actors.records import layout
from actors.records.blocks import VERSION, Header
from actors.records.codes import OUTCOMES, Code
from actors.records.header import HEADER_BYTES
from actors.records.layout import BLOCK_RECORDS_MAX, RECORD, Kind
from switch.reference.markdown import code, page, table

_INTRODUCTION: Final = """\
The journal is the only store of money: the table `journal(shard, block, records bytea, details bytea)` with the primary key `(shard,
block)`. A row is a block. A block is a header and up to {records} records of {size} bytes; numbers are little-endian. Blocks of a
shard are numbered without a gap from 1, are appended in order and never updated. Fields and numbers are only ever added, so an old
journal stays readable.

Zero means none: no wallet, no address, no time. Amounts are minor units, times are milliseconds since 1970 in UTC. An address of a
record is `shard << 52 | block << 8 | slot`; an address of a wallet is `segment << 16 | slot`. In psql the view `journal_record`
decodes records: `SELECT * FROM journal_record WHERE shard = 0 AND block = 17`."""

_HEADER_TEXTS: Final = {
    "version": "Format of the block, now {version}. Blocks of version 1 have no checksum.",
    "records": "Number of records in the block.",
    "shard": "The shard that wrote it.",
    "controls": "The last 16 bits of the revision of lists and snoozes with which its scored records were decided, 0 in old journals.",
    "topology": "Version of the topology that the writer knew.",
    "checksum": "CRC-32 of the whole block, computed with 0 in this field.",
    "number": "Number of the block.",
    "writer": "Random number of the writer's process (its epoch).",
    "seen": "Features as of: address of the last record that the features of this block's scored records include.",
    "previous": "SHA-256 of the whole block before it: the hash chain. Zeros for block 1.",
    "details_digest": "First 16 bytes of the SHA-256 of the column `details`; zeros without details.",
}

_RECORD_TEXTS: Final = {
    "kind": "What happened, see [kinds](#record-kinds).",
    "decision": "Action of scoring: 0 approve, 1 review, 2 decline.",
    "label": "Kind that the caller gave the payment (payment, cash_in ...).",
    "channel": "Channel of the payment's context.",
    "code": "Result, see [codes](#result-codes): 0, or why nothing moved.",
    "currency": "ISO 4217 number.",
    "payer": "Address of the payer's wallet.",
    "payee": "Address of the payee's wallet.",
    "amount": "Amount moved, held, captured or released.",
    "payer_posted": "Payer's posted balance after the record.",
    "payee_posted": "Payee's posted balance after the record, where the payee is on this shard.",
    "payer_held": "Payer's held sum after the record.",
    "key_hi": "Idempotency key bound to caller and home wallet, upper 64 bits of its hash.",
    "key_lo": "The same, lower 64 bits.",
    "digest": "Digest of the body, for what the record has no field for.",
    "caller": "Account whose API key sent the request.",
    "pack": "Number of the rule pack that decided (`rule_pack.number`).",
    "reference": "Address of the record that this one acts on.",
    "record_time": "When it was recorded.",
    "effective_time": "When it counts.",
    "payer_prev": "Address of the previous record of the payer's chain.",
    "payee_prev": "Address of the previous record of the payee's chain.",
    "points": "Points of the decision.",
    "reasons": "Reasons of the decision: bit i = reason i of the pack.",
    "flags": "See [flags](#flags).",
    "country": "Country of the payment's context, two letters.",
    "device": "32-bit hash of the device's name.",
    "payer_lag": "How far the chain time of the payer is ahead of the effective time, encoded.",
    "payee_lag": "The same of the payee.",
    "expiry": "When a hold or a review expires.",
}

_CREDIT: Final = (
    "Credit record: `payer` = the holder's wallet, `payer_prev` = its credit record before, `device` = the merchant's account, "
    "`pack` = scenario."
)
_OF_ORDER: Final = "As ORDER_CREATED, of the order at `reference`; `channel` = its state from now on."

_KIND_TEXTS: Final = {
    Kind.OPEN: "A writer opened the journal: `amount` = topology version, `key_hi` = the writer's epoch.",
    Kind.WALLET_OPENED: "`payee` = the wallet, `label` = its kind, `decision` = tier, `amount` = floor.",
    Kind.WALLET_STATUS: "`payee` = the wallet, `channel` = status: 1 open, 2 frozen, 3 closed.",
    Kind.WALLET_TIER: "`payee` = the wallet, `decision` = tier.",
    Kind.TRANSFER: "Money moved from payer to payee, or with a code nothing did.",
    Kind.HOLD: "The amount is held until `expiry`. With the flag for a review, `expiry` is when the review expires, and `payee_lag` "
    "the seconds for which the caller asked for a hold; 0: a transfer was asked for.",
    Kind.CAPTURE: "Of the hold at `reference`; `amount` = captured.",
    Kind.VOID: "Of the hold at `reference`; `amount` = released.",
    Kind.EXPIRY: "Of the hold at `reference`; `amount` = released.",
    Kind.REFUND: "Of the transfer or capture at `reference`; its payer was the payee there.",
    Kind.APPROVAL: "The hold at `reference` was in review and is an ordinary one until `expiry`; `amount` = held.",
    Kind.LEG: "Remote credit: payer, payee, amount, currency and effective time of the movement at `reference` on another shard; "
    "`decision` = the kind of that movement.",
    Kind.CURSOR: "How far this shard has read another's journal: `payer` = sending shard, `amount` = block, `key_hi` and `key_lo` = "
    "first half of that block's hash. `payer` -1: the log of administrators, `amount` = its last entry, then, and that entry's hash.",
    Kind.PROFILE: "Remote wallet, cached: `payee` = the wallet, `label` = kind, `channel` = status, `decision` = tier, "
    "`effective_time` = opened; 0: the wallet changed while it was not cached.",
    Kind.CONSENT_GRANTED: f"{_CREDIT} `expiry` = its end, `amount` = cap of orders that it confirms, `channel` = 1: standing, "
    "`country` = version of the scenario.",
    Kind.CONSENT_WITHDRAWN: f"{_CREDIT} Of the consent at `reference`.",
    Kind.INQUIRY: f"{_CREDIT} `amount` = asked, `payer_posted` = granted, `decision` = result: 0 not available, 1 yes, 2 no; "
    "`label` = cause, `points` = score seen, `country` = version of the scenario, `reference` = consent, `expiry` = end of the receipt; "
    "`payer` 0: there is no such wallet; `payee` = the wallet asked about.",
    Kind.ORDER_CREATED: f"{_CREDIT} On the receipt at `reference`: `payee` = who is paid, `amount` = cap, `label` = kind: 1 deposit "
    "waived, 2 pay later; `expiry` = due, `payee_posted` = confirm by, `payer_lag` = seconds from due to default, `channel` = state.",
    Kind.ORDER_CONFIRMED: _OF_ORDER,
    Kind.ORDER_MODIFIED: f"{_OF_ORDER} `amount` = the cap from now on.",
    Kind.ORDER_COMPLETED: f"{_OF_ORDER} `amount` = to be collected, `expiry` = due.",
    Kind.ORDER_ATTEMPT: f"{_OF_ORDER} The transfer at `payee_prev`, 0 = none could be made, was declined; `expiry` = next attempt, "
    "`decision` = what stopped it: 1 the payee, 2 the holder's wallet is frozen, 3 the limit of its tier, 0 its money; "
    "`payee_posted` = due from now on, 0 = as before.",
    Kind.ORDER_PAID: f"{_OF_ORDER} By the transfer at `payee_prev`.",
    Kind.ORDER_CANCELLED: _OF_ORDER,
    Kind.ORDER_PAID_ELSEWHERE: _OF_ORDER,
    Kind.ORDER_EXPIRED: f"{_OF_ORDER} Nobody confirmed it in time, or nobody completed it.",
    Kind.ORDER_OVERDUE: f"{_OF_ORDER} It was not paid when it was due.",
    Kind.ORDER_DEFAULTED: f"{_OF_ORDER} It was not paid long after it was due.",
    Kind.ORDER_CURED: f"{_OF_ORDER} Paid after default, by the transfer at `payee_prev`.",
    Kind.ORDER_WRITTEN_OFF: f"{_OF_ORDER} Nobody collects it any more; `decision` = what stopped it, as of ORDER_ATTEMPT; 0: it was not "
    "paid for years after default.",
    Kind.SCORE: "Credit record: `payer` = the holder's wallet, `points` = score, `label` = band, `channel` = cause of N/A, `pack` = "
    "card, `device` = run, `effective_time` = as of; the bytes of `amount` to `payer_held` = five subtotals, four reasons, four gaps, "
    "16 bits each.",
    Kind.DISPUTE_OPENED: f"{_CREDIT} Of the entry at `reference`; `expiry` = when it must be answered, `payee_posted` = when it goes to "
    "the entry's source, 0 = it has none.",
    Kind.DISPUTE_FORWARDED: f"{_CREDIT} The dispute at `reference` went to the entry's source; `expiry` = when it must be answered.",
    Kind.DISPUTE_RESOLVED: f"{_CREDIT} Of the dispute at `reference`; `decision` = 1 corrected, 2 deleted, 3 kept. Key 0: nobody answered "
    "in time, it was resolved for the holder.",
    Kind.DISPUTE_REINSERTED: f"{_CREDIT} An entry that the dispute at `reference` had deleted is back.",
    Kind.CREDIT_REVIEW_OPENED: f"{_CREDIT} Of the inquiry at `reference`; `expiry` = when it must be answered.",
    Kind.DISPUTE_ANSWERED: f"{_CREDIT} The source of the entry says of the dispute at `reference` what should become of it; `decision` as "
    "of a resolution.",
    Kind.DATA_ERASED: f"{_CREDIT} Texts of the holder's records are erased; its own details name the blocks that lost some, and the digest "
    "of what each has left.",
    Kind.CREDIT_REVIEW_RESOLVED: f"{_CREDIT} Of the review at `reference`; `decision` = 4 overturned, 5 upheld.",
}

_FLAG_TEXTS: Final = {
    "FLAG_REMOTE": "The payee is on another shard: the credit is in flight until the remote credit is recorded there.",
    "FLAG_SUSPENSE": "Remote credit: the payee could not take the money, the currency's suspense wallet did.",
    "FLAG_IMPORTED": "A historical payment with its own effective time; its decision is kept but does not stop it.",
    "FLAG_FALLBACK": "No scorer answered in time: the pack's fallback decided.",
    "FLAG_SCORED": "A pack decided; without it the switch ran unscored.",
    "FLAG_FINAL": "Capture: the rest of the hold is released. Void that ends a review: by who asked for the payment.",
    "FLAG_LINKED": "All or none together with the next record.",
    "FLAG_PAYER_ANCHOR": "The table `anchor` names this record for the payer's chain.",
    "FLAG_PAYEE_ANCHOR": "The same of the payee's chain.",
    "FLAG_CONTINUES": "All or none together with the record before.",
    "FLAG_REVIEW": "Hold: an analyst is asked. Capture, void, expiry or approval: it ended the review.",
}

_BESIDE: Final = """\
`details` holds what only some records have (reference, metadata, IP address, device name, what a score is of): one msgpack list of a
random salt and, by slot, the details of a record. Only its salted digest is in the header, so personal details can be erased and the
hash chain still verifies: a later record DATA_ERASED says of which blocks, and which digest the rest of each has.

Written in the same transaction as their block, and following from its records alone:

- `reference(target, record)`: `record` acted on `target` (capture, void, expiry, refund, approval).
- `anchor(wallet, shard, chain_time, record)`: one record of every {stride} of a wallet's chain, where a look back in time begins.
- `review(record, record_time, status)`: payments in review; status 0 open, 1 approved, 2 declined, 3 expired, 4 voided.
- `credit(wallet, record, kind, about, account)`: credit records but scores, by holder, by what they are about, by merchant."""


def document() -> str:
    """The page."""
    introduction = _INTRODUCTION.format(records=BLOCK_RECORDS_MAX, size=RECORD.itemsize)
    kinds = _listed("number", {f"{int(kind)} {kind.name}": _KIND_TEXTS[kind] for kind in Kind}, "fields")
    codes = _listed("number", {f"{int(each)} {each.name.lower()}": OUTCOMES[each].title for each in Code}, "meaning")
    named = {f"{getattr(layout, name)} {name.removeprefix('FLAG_')}": _FLAG_TEXTS[name] for name in flags()}
    return page(
        "Journal format",
        introduction,
        f"## Block header\n\n{HEADER_BYTES} bytes.",
        _header(),
        "## Record\n\nOne layout for all kinds; a kind may give a field another meaning.",
        _record(),
        "## Record kinds",
        kinds,
        "## Flags",
        _listed("number", named, "meaning"),
        "## Result codes",
        "What a caller is told of each: [problems](problems.md). Records hold 0 and the codes from 100 on.",
        codes,
        "## Beside the records",
        _BESIDE.format(stride=layout.CHAIN_STRIDE),
    )


def flags() -> list[str]:
    """Names of the flags of records, by number."""
    return sorted((name for name in vars(layout) if name.startswith("FLAG_")), key=lambda name: getattr(layout, name))


def _header() -> str:
    texts = {name: text.format(version=VERSION) for name, text in _HEADER_TEXTS.items()}
    return table(("field", "meaning"), ((code(name), texts[name]) for name in Header._fields))


def _record() -> str:
    fields: Mapping[str, Any] = RECORD.fields or {}
    assert set(fields) == set(_RECORD_TEXTS), "every field has its text"
    rows = ((str(offset), code(name), _type(kind), _RECORD_TEXTS[name]) for name, (kind, offset) in fields.items())
    return table(("offset", "field", "type", "meaning"), rows)


def _type(dtype: np.dtype[Any]) -> str:
    return dtype.name


def _listed(first: str, texts: Mapping[str, str], second: str) -> str:
    return table((first, "name", second), ((*name.split(" ", 1), text) for name, text in texts.items()))
