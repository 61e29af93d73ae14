"""Rows become entries: what has no end, or was not removed, is so for ever."""

from actors.database.control_rows import changed_of
from rules.decisions.controls import ALWAYS, ControlEntry, What


def row(revision: int, name: str | None, **more: int | None) -> dict[str, int | str | None]:
    return {
        "revision": revision,
        "what": 1,
        "name": name,
        "number": 5,
        "added": 1,
        "removed": None,
        "until": None,
        **more,
    }


def test_a_row_without_a_name_says_how_far_changes_go_and_no_more() -> None:
    assert changed_of([row(9, None)]) == (9, [])
    found = changed_of([row(9, "x"), row(9, "y", what=2, until=70, removed=4)])
    assert found.entries == [
        (What.LIST, ControlEntry("x", 5, ALWAYS, 1, ALWAYS)),
        (What.SNOOZE, ControlEntry("y", 5, 70, 1, 4)),
    ]
