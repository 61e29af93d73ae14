"""Local time: tables of time zones against `zoneinfo` itself, and what rules make of them."""

import datetime
import struct
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.compile.codegen import Fires
from rules.language.check import ZONES_MAX, Checker
from rules.language.ir import Program
from rules.language.problems import ExpressionError
from rules.vocabulary.times import time_ms
from rules.vocabulary.zones import STEP_S, VERSION, names, zone
from tests.unit.rules.language.expressions import code_of, columns_of, evaluate, run_plain

FIRST_MS, END_MS = 1, time_ms("2100-01-01T00:00:00Z")
ZONES = sorted(names())


def shown(name: str, ms: int) -> tuple[int, int, int]:
    """Hour, minute, day of the week from Sunday on, by `zoneinfo` from the same package."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        info = ZoneInfo.from_file(file)
    at = (datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(milliseconds=ms)).astimezone(info)
    return at.hour, at.minute, at.isoweekday() % 7


def conditions(name: str, ms: int) -> list[str]:
    hour, minute, day = shown(name, ms)
    return [
        f'effective_time.getHours("{name}") == {hour} && effective_time.getMinutes("{name}") == {minute}'
        f' && effective_time.getDayOfWeek("{name}") == {day}'
    ]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.data())
def test_clocks_show_what_they_show_there(name: str, data: st.DataObject) -> None:
    """Anywhere in the tables, and at the milliseconds around each change."""
    changes = zone(name).changes
    times = st.integers(FIRST_MS, END_MS - 1)
    near = (
        st.builds(lambda change, off: change + off, st.sampled_from(changes), st.integers(-1, 1)) if changes else times
    )
    ms = data.draw(times | near)
    code = code_of(conditions(name, ms))
    hits, unknown = run_plain(code, columns_of([{"effective_time": ms}]))
    assert (int(hits[0, 0]), int(unknown[0, 0])) == (1, 0), (name, ms, shown(name, ms))


def test_compiled_rules_show_the_same() -> None:
    times = [time_ms(each) for each in ("2026-03-29T00:59:59.999Z", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z")]
    code = code_of(
        ['effective_time.getHours("Europe/Berlin") == 3', 'effective_time.getHours("America/New_York") > 20']
    )
    columns = columns_of([{"effective_time": ms} for ms in times])
    hits, unknown = np.zeros((2, len(times), 1), np.uint64)
    Fires(code)(columns, hits, unknown)
    plain_hits, _ = run_plain(code, columns)
    assert np.array_equal(hits[:, 0], plain_hits[:, 0])
    assert [int(each) & 1 for each in hits[:, 0]] == [0, 1, 0]
    assert not unknown.any()


def test_a_night_in_berlin_is_not_one_in_utc() -> None:
    """What a bank calls ten in the evening; in summer UTC says eight."""
    night = 'effective_time.getHours("Europe/Berlin") >= 22 || effective_time.getHours("Europe/Berlin") < 6'
    for time, value in (
        ("2026-07-01T20:00:00Z", True),
        ("2026-01-01T20:59:00Z", False),
        ("2026-01-01T21:00:00Z", True),
    ):
        assert evaluate(night, {"effective_time": time_ms(time)}) is value
        assert evaluate("effective_time.getHours() >= 22", {"effective_time": time_ms(time)}) is False


def test_no_zone_changes_its_clocks_twice_between_two_looks() -> None:
    """So tables have every change there is; the files say when."""
    close = []
    for name in ZONES:
        changes = [at for (_, before), (at, after) in pairwise(_explicit(name)) if before != after and at > 0]
        close += [(name, late - early) for early, late in pairwise(changes) if late - early <= STEP_S]
    assert not close


def _explicit(name: str) -> list[tuple[int, int]]:
    """Seconds since 1970 and the offset from then on, as a file of RFC 8536 lists them."""
    data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    utc, standard, leaps, times, types, letters = struct.unpack_from(">6l", data, 20)
    at = 44 + 5 * times + 6 * types + letters + 8 * leaps + standard + utc
    _, _, _, times, types, _ = struct.unpack_from(">6l", data, at + 20)
    moments = struct.unpack_from(f">{times}q", data, at + 44)
    offsets = [struct.unpack_from(">l", data, at + 44 + 9 * times + 6 * kind)[0] for kind in range(types)]
    return list(zip(moments, (offsets[kind] for kind in data[at + 44 + 8 * times :][:times]), strict=True))


def test_tables_come_from_the_package_and_name_its_version() -> None:
    assert VERSION[:4].isdecimal() and "Europe/Berlin" in names()


@pytest.mark.parametrize(
    ("condition", "start", "message", "hint"),
    [
        ('effective_time.getHours("Europe/Munich") > 1', 24, "no time zone is named Europe/Munich", ""),
        ('effective_time.getHours("Berlin") > 1', 24, "no time zone is named Berlin", "did you mean Europe/Berlin?"),
        ('effective_time.getHours("europe/berlin") > 1', 24, "no time zone", "did you mean Europe/Berlin?"),
        ('effective_time.getHours("../../x") > 1', 24, "no time zone", ""),
        ("effective_time.getHours(5) > 1", 0, "getHours takes one time zone, or none for UTC", '"Europe/Berlin"'),
        ('effective_time.getHour("UTC") > 1', 0, "no method is named getHour", "did you mean getHours?"),
        ('amount.getHours("UTC") > 1', 0, "a whole number has no getHours", "effective_time has"),
        ('effective_time.getHours("UTC") == 24', 0, "getHours is 0..23, so this never holds", "hour of the day"),
        ("effective_time.getDayOfWeek() == 7", 0, "getDayOfWeek is 0..6", "Sunday is 0"),
        ('effective_time.getHours("UTC") in [22, 24]', 39, "24 does not occur", ""),
    ],
)
def test_a_clock_that_is_not_there_is_refused_at_its_place(condition: str, start: int, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        Checker(Program(), {}).condition(condition)
    assert (refused.value.start, message in refused.value.message) == (start, True), refused.value
    assert hint in refused.value.hint


def test_a_pack_has_so_many_zones_at_most() -> None:
    checker = Checker(Program(), {})
    for name in ZONES[:ZONES_MAX]:
        checker.condition(f'effective_time.getHours("{name}") > 1')
    with pytest.raises(ExpressionError, match="more than 16 time zones in one pack"):
        checker.condition(f'effective_time.getHours("{ZONES[ZONES_MAX]}") > 1')
