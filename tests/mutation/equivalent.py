"""Changes that change nothing: `equivalent.yaml` names them with the reason, and they count as no survivors.

An entry names the lines before and after, not their numbers, so it goes on to hold when others are added above; and the function, where
a file has the same lines in several."""

from pathlib import Path
from typing import Final

import msgspec

from tests.mutation.mutants import Change, Mutant

FILE: Final = Path(__file__).with_name("equivalent.yaml")


class Equivalent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`why` it makes no difference."""

    path: str
    before: str
    after: str
    why: str
    function: str | None = None


def equivalents() -> list[Equivalent]:
    """All of them."""
    return msgspec.yaml.decode(FILE.read_bytes(), type=list[Equivalent])


def is_equivalent(known: list[Equivalent], mutant: Mutant, change: Change) -> bool:
    """Whether a change is one of those that are known to make no difference."""
    wanted = (mutant.path, change.before, change.after)
    return any(
        (entry.path, entry.before, entry.after) == wanted and entry.function in (None, mutant.function)
        for entry in known
    )
