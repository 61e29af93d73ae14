"""Types of bodies and answers as words: what a field takes, and which further types it names."""

import types
import typing
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, Meta, Raw, UnsetType

from switch.http.schema import (
    BACKTEST_LABELS_MAX,
    TRANSFERS_MAX,
    WALLETS_MAX,
    Attributes,
    BacktestLabel,
    KeyedTransfer,
    Metadata,
    NewWallet,
)

Struct = type[msgspec.Struct]

_LABELS: Final = typing.Annotated[list[BacktestLabel], Meta(max_length=BACKTEST_LABELS_MAX)]
READ_AS: Final[dict[str, Any]] = {
    "TransferBatch.transfers": typing.Annotated[list[KeyedTransfer], Meta(min_length=1, max_length=TRANSFERS_MAX)],
    "WalletBatch.wallets": typing.Annotated[list[NewWallet], Meta(min_length=1, max_length=WALLETS_MAX)],
    "BacktestAsked.labels": _LABELS,
    "PackBacktest.labels": _LABELS,
    "CardBacktest.labels": _LABELS,
    "WalletAnswer.attributes": Attributes,
    "WalletAnswer.metadata": Metadata,
}
"""Fields that the front door reads row by row, or hands on as they are: what they are."""

_WORDS: Final[dict[Any, str]] = {str: "text", int: "integer", float: "number", bool: "true or false", Raw: "JSON"}


_TITLES: Final = {
    "Backtested": "BacktestResult",
    "BatchAnswer": "TransferBatchResult",
    "CardDeployed": "CardModeResult",
    "CardShown": "Scorecard",
    "CardVersionShown": "ScorecardVersion",
    "CaseAnswer": "Review",
    "CaseList": "ReviewList",
    "Change": "DecisionChange",
    "Deployed": "PackModeResult",
    "DeploymentShown": "Deployment",
    "Labelled": "LabelComparison",
    "LegData": "RemoteCreditData",
    "ListShown": "List",
    "EntryShown": "ListEntryResult",
    "LabelShown": "Label",
    "NewProposalText": "NewProposal",
    "NoteShown": "Note",
    "SnoozeShown": "Snooze",
    "CaseWorkShown": "CaseWork",
    "PackShown": "RulePack",
    "PartAnswer": "TransferPart",
    "ReviewAnswer": "ReviewStatus",
    "RowAnswer": "TransferBatchRow",
    "RuleShown": "RuleCounts",
    "ShadowShown": "ShadowCounts",
    "TransferAnswer": "TransferResult",
    "VersionShown": "RulePackVersion",
    "WalletAnswer": "Wallet",
    "WalletRow": "WalletBatchRow",
    "WalletRows": "WalletBatchResult",
}
"""What readers call a type, where the code calls it otherwise."""


class Field(typing.NamedTuple):
    """A field of a body or an answer. `needed`: it must be there in a body, and is always there in an answer."""

    name: str
    takes: str
    needed: bool


def fields(struct: Struct) -> list[Field]:
    """The fields of a type, in order."""
    found = []
    for field in msgspec.structs.fields(struct):
        needed = field.default is NODEFAULT and field.default_factory is NODEFAULT
        found.append(Field(field.encode_name, words(type_of(struct, field)), needed))
    return found


def reachable(roots: typing.Iterable[Struct]) -> list[Struct]:
    """These types and all that their fields name, each once, in the order of their first mention."""
    found: dict[Struct, None] = {}
    waiting = list(roots)
    while waiting:
        struct = waiting.pop(0)
        if struct in found:
            continue
        found[struct] = None
        for field in msgspec.structs.fields(struct):
            waiting += named_in(type_of(struct, field))
    return list(found)


def link(struct: Struct) -> str:
    """A type's name, linked to its section."""
    return f"[{title(struct)}](#{title(struct).lower()})"


def title(struct: Struct) -> str:
    """A type's name on the page."""
    return _TITLES.get(struct.__name__, struct.__name__)


def type_of(struct: Struct, field: Any) -> Any:
    """What a field of a type is, `msgspec.structs.FieldInfo`."""
    return READ_AS.get(f"{struct.__name__}.{field.name}", field.type)


def named_in(annotation: Any) -> Iterator[Struct]:
    """The types that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    for part in typing.get_args(annotation):
        yield from named_in(part)


def words(annotation: Any, bounds: str = "") -> str:
    """What a value of this type is."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return words(parts[0], _bounds(parts[1]))
    if origin in (typing.Union, types.UnionType):
        kept = [words(part) for part in parts if part not in (UnsetType, type(None))]
        return " or ".join(dict.fromkeys(kept)) + (" or null" if type(None) in parts else "")
    if origin is typing.Literal:
        return " ".join(f"`{part}`" for part in parts)
    if origin in (list, tuple):
        return f"list of {words(parts[0])}{f', {bounds}' if bounds else ''}"
    if origin is dict:
        return f"object, up to {bounds.split()[-1]} entries" if bounds else "object"
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return link(annotation)
    unit = " characters" if annotation is str else ""
    return f"{_WORDS[annotation]}{f', {bounds}{unit}' if bounds else ''}"


def _bounds(meta: Meta) -> str:
    if meta.max_length is not None:
        low = meta.min_length or 0
        return str(low) if low == meta.max_length else f"{low:,} to {meta.max_length:,}"
    if meta.ge is None:
        return ""
    high = meta.le if meta.lt is None else meta.lt - 1
    return f"{meta.ge:,} to {high:,}" if high is not None else f"at least {meta.ge:,}"
