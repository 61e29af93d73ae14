"""What the fields of keys and of the log of administrators mean, for http_fields.py."""

from typing import Final

from actors.stores.scopes import SCOPES

ADMIN_FIELDS: Final = {
    "key": "The API key itself, shown once; null in the answer to a repeat.",
    "reads_per_s": "GET requests a second at one front door; null: as many as its account may.",
    "writes_per_s": "Other requests a second at one front door; null: as many as its account may.",
    "overlap_s": "Seconds for which the old key works on; a day by default.",
    "scenarios": "Credit scenarios.",
    "owners": "Owners whose wallets it is bound to, today and later.",
    "origin": "How and where it came in: `api`, `console` or `proposal` with machine and process, or `command` with who ran it.",
    "request": "Calls that one request made have the same.",
    "call": "Method and route, or the command.",
    "resource": "Path of what it is about.",
    "salt": "Random bytes; null: erased.",
    "sent": "What was sent, where it is kept as text; null: it is not, or it is erased.",
}
"""By field."""
_OF_KEYS: Final = {
    "name": "The account.",
    "expires_at": "When the key ends; null: when it is revoked.",
    "wallets": "Wallets that the account is bound to, by id.",
    "scenarios": "Credit scenarios in which it may ask.",
    "status": "`active`, `expired` or `revoked`.",
    "bound": "To what its account is bound; null: to nothing.",
}
ADMIN_EXCEPTIONS: Final = {
    "NewKey.scopes": f"What it may do: {', '.join(f'`{name}`' for name in SCOPES)}.",
    **{
        f"{each}.{field}": _OF_KEYS[field]
        for each, fields in (
            ("NewKey", ("name", "expires_at", "wallets", "scenarios")),
            ("KeyPatch", ("expires_at",)),
            ("KeyShown", ("name", "expires_at", "status", "bound")),
            ("KeyMade", ("name", "expires_at", "status", "bound")),
        )
        for field in fields
    },
    "KeyRotation.expires_at": "When the new key ends; null: when it is revoked; by default when the old one would have.",
    "AdminLogEntry.number": "Number of the entry, without a gap from 1.",
    "AdminLogEntry.at": "When it was entered.",
    "AdminLogEntry.account": "Account that made the call; null: a command where the database is.",
    "AdminLogEntry.key": "Id of its API key; null: a command, or what was approved as a proposal.",
    "AdminLogEntry.code": "Code of the problem that it was answered with; null: none.",
    "AdminLogEntry.status": "HTTP status of the answer; null: nobody knows.",
    "AdminLogEntry.digest": "SHA-256 of `salt` and of the SHA-256 of what was sent.",
    "AdminLogEntry.hash": "SHA-256 of the hash of the entry before and of this one.",
    "AdminLogEntry.outcome": "`done`, `refused` or `unknown`.",
}
"""By type and field."""
