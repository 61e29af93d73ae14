"""Marks: of each shard the first and the last record that was answered, and what a switch without them is told."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.records.addresses import record_address
from actors.records.ids import transfer_ids
from actors.records.secret import Secret
from switch.http.times import now_ms, time_text
from switch.importer.client import Recorded, SwitchError
from switch.importer.marks import KEYS_MS, Mark, Marks, refuse_lost
from switch.importer.state import Progress, Wave

PLACES = {10: (0, 5), 11: (1, 2), 12: (0, 3), 13: (1, 9), 14: (0, 4), 15: (3, 1)}
"""Shard and block of the records of rows; there is none of row 16."""


def _ids(rows: list[int]) -> NDArray[np.uint8]:
    addresses = np.array([record_address(*PLACES[row], 0) if row in PLACES else 0 for row in rows])
    return transfer_ids(Secret.of(bytes(16)), np.zeros(len(rows), np.int64), addresses)


def _marks(*requests: list[int]) -> Marks:
    marks = Marks()
    for rows in requests:
        marks.add(np.array(rows, np.int64), _ids(rows))
    return marks


def _rows(marks: list[Mark]) -> list[int]:
    assert [mark.identity for mark in marks] == [raw.tobytes() for raw in _ids([mark.row for mark in marks])]
    return sorted(mark.row for mark in marks)


def test_of_each_shard_the_first_and_the_last_record_are_kept() -> None:
    marks = _marks([10, 11, 16], [12, 13], [14, 15], [16], [])
    assert (_rows(marks.first), _rows(marks.last)) == ([11, 12, 15], [10, 13, 15])


def test_what_waves_note_is_what_was_answered() -> None:
    noted = Marks()
    for number, rows in enumerate(([10, 11, 16], [12, 14], [16], [13, 15])):
        noted.add_noted(Wave(number, b"", b"", b"", b"", 0, *_marks(rows).packed()))
    assert (_rows(noted.first), _rows(noted.last), noted.whole) == ([11, 12, 15], [10, 13, 15], True)


def test_a_wave_without_marks_has_the_ids_that_rows_name_and_may_lack_others() -> None:
    noted = Marks()
    noted.add_noted(Wave(0, b"", b"", np.array([12, 13], "<u4").tobytes(), _ids([12, 13]).tobytes(), 0))
    assert (_rows(noted.first), _rows(noted.last), noted.whole) == ([12, 13], [12, 13], False)


def _recorded(at_ms: int) -> Recorded:
    text = time_text(at_ms)
    return Recorded(id="", payer="", payee="", amount=1, currency="", kind="", effective_at=text, created_at=text)


async def _none(mark: Mark) -> Recorded | None:
    return None


async def _refusal(marks: Marks, there: dict[int, int]) -> str:
    """What a switch is told that has these rows, made at a time."""

    async def find(mark: Mark) -> Recorded | None:
        return _recorded(there[mark.row]) if mark.row in there else None

    with pytest.raises(SwitchError) as refusal:
        await refuse_lost(marks, find, lambda row: f"line {row}", Path("some.state"), Progress([], None))
    return str(refusal.value)


async def test_a_switch_that_has_the_last_record_of_each_shard_has_all() -> None:
    asked: list[int] = []

    async def find(mark: Mark) -> Recorded | None:
        asked.append(mark.row)
        return _recorded(0)

    await refuse_lost(_marks([10, 11, 12, 13, 14]), find, str, Path("some.state"), Progress([], None))
    assert sorted(asked) == [10, 13]
    await refuse_lost(Marks(), find, str, Path("some.state"), Progress([], None))
    assert len(asked) == 2


async def test_of_a_wave_that_was_begun_for_other_wallets_something_may_be_paid() -> None:
    begun_ms = now_ms() - KEYS_MS + 60_000
    for at_ms, way_out in (
        (begun_ms, f"until {time_text(begun_ms + KEYS_MS)}"),
        (begun_ms - 120_000, "have forgotten their keys"),
    ):
        with pytest.raises(SwitchError, match=way_out):
            await refuse_lost(Marks(), _none, str, Path("some.state"), Progress([], at_ms, fits=False))


async def test_the_way_out_pays_nothing_twice() -> None:
    marks, now = _marks([10, 11, 12, 13, 14, 15]), now_ms()
    none = await _refusal(marks, {})
    assert "the state file some.state notes: the payment of line 10 is not there" in none
    assert "If the file was never imported into it, move the state file away" in none
    first_ms = now - KEYS_MS + 60_000
    some = await _refusal(marks, {12: now, 11: first_ms, 13: now})
    assert f"until {time_text(first_ms + KEYS_MS)}: move the state file away before then" in some
    forgotten = await _refusal(marks, {12: now, 11: now - KEYS_MS - 1_000, 13: now})
    assert "they could be paid twice. Statements of their wallets say which are paid" in " ".join(forgotten.split())
    assert "move the state file away" not in forgotten
    marks.whole = False
    assert "move the state file away" not in await _refusal(marks, {})
