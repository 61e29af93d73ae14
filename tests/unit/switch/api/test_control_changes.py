"""Times to come, and pages of what holds."""

import pytest

from actors.stores.controls import StoredEntry
from switch.api.control_changes import end_of, end_text
from switch.http.times import now_ms, time_text
from switch.problems.table import ProblemError


def test_an_end_is_a_time_to_come() -> None:
    soon = now_ms() + 60_000
    assert end_of(time_text(soon), "until") == soon
    for text in (time_text(now_ms() - 1), "tomorrow"):
        with pytest.raises(ProblemError) as refused:
            end_of(text, "until")
        assert (refused.value.code, refused.value.errors[0].field) == ("invalid_field", "until")


def test_an_end_is_shown_to_the_millisecond_it_was_given_with() -> None:
    from datetime import UTC, datetime

    for ms in (1_790_000_000_001, 1_790_000_000_999):
        until = datetime.fromtimestamp(ms / 1_000, UTC)
        entry = StoredEntry(
            name="stolen",
            value="x",
            number=1,
            reason="",
            until=until,
            revision=1,
            made_by="a",
            made_at=datetime.now(UTC),
        )
        assert end_text(entry) == time_text(ms)
        assert (
            end_text(StoredEntry(**{**{f: getattr(entry, f) for f in entry.__struct_fields__}, "until": None})) is None
        )
