"""Rows of lists and snoozes as changes: for scorers, backtests and exports alike.

Whoever reads the journal's end first and these rows then has every revision that is named there.
"""

from collections.abc import Iterable
from typing import Any

from actors.database.pool import SQL
from rules.decisions.controls import ALWAYS, Changed, ControlEntry, Controls, What


async def changes_ever(session: Any) -> tuple[Changed, list[int]]:
    """Everything there ever was, through one session, and when each revision was made, in milliseconds."""
    changed = changed_of(await session.fetch(SQL["control_changed"], 0, True))
    return changed, [row["made"] for row in await session.fetch(SQL["control_times"])][: changed.revision]


async def all_controls(session: Any) -> tuple[Controls, list[int]]:
    """The same, ready to decide."""
    changed, made = await changes_ever(session)
    return changed.controls(), made


def changed_of(rows: Iterable[Any]) -> Changed:
    """Of rows of the statement control_changed, at least one."""
    rows = list(rows)
    found = [(What(row["what"]), _entry(row)) for row in rows if row["name"] is not None]
    return Changed(rows[0]["revision"], found)


def _entry(row: Any) -> ControlEntry:
    until, removed = (ALWAYS if row[name] is None else row[name] for name in ("until", "removed"))
    return ControlEntry(row["name"], row["number"], until, row["added"], removed)
