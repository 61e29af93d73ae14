"""What a batch is made of goes to the right rows, and what they become to who asked, once nothing of it is missing."""

from typing import Any

import numpy as np

from actors.records.layout import REQUEST
from actors.shard.batch import Batch, Repeats
from actors.shard.intake import Asked, Part, whole
from actors.shard.messages import Answer, Submit


def submit(ref: int, count: int, **details: bytes) -> Submit:
    """Rows with these amounts: the reference and their number; `details` by row, as r2."""
    rows = np.zeros(count, REQUEST)
    rows["amount"] = 100 * ref + np.arange(count)
    return Submit(ref=ref, rows=rows, details={int(name[1:]): entry for name, entry in details.items()})


def parts_of(*submits: Submit) -> list[Part]:
    return [whole(each) for each in submits]


def test_rows_and_details_of_several_requests_lie_one_after_the_other() -> None:
    asked = Asked(submit(3, 6, r1=b"passed over", r3=b"g", r5=b"too late"))
    asked.take(2, 1 << 20, at_least_one=True)
    middle = asked.take(3, 1 << 20, at_least_one=True)
    assert middle is not None and (middle.first, middle.end) == (2, 5)
    before, after = parts_of(submit(1, 3, r0=b"a", r2=b"c"), submit(2, 2, r1=b"e"))
    batch = Batch(1, [before, middle, after], 7)
    assert batch.rows["amount"].tolist() == [100, 101, 102, 302, 303, 304, 200, 201]
    assert batch.details() == {0: b"a", 2: b"c", 4: b"g", 7: b"e"}


def results_of(answers: list[Any]) -> dict[int, list[int]]:
    assert all(isinstance(answer, Answer) for answer in answers)
    return {answer.ref: answer.value["address"].tolist() for answer in answers}


def test_each_request_is_answered_once_with_its_own_results_when_nothing_of_it_waits() -> None:
    batch = Batch(1, parts_of(submit(1, 2), submit(2, 3), submit(3, 1)), 7)
    batch.results["address"] = np.arange(10, 16)
    batch.wait_for(Repeats(np.array([3]), np.array([900])))
    assert batch.waits is not None and batch.waits.tolist() == [False, False, False, True, False, False]
    assert results_of(batch.answers()) == {1: [10, 11], 3: [15]}
    assert batch.answers() == []
    batch.waits[3] = False
    batch.results["address"][3] = 99
    assert results_of(batch.answers()) == {2: [12, 99, 14]}
    assert batch.answers() == []


def test_a_request_that_was_cut_is_answered_when_its_last_part_is_known() -> None:
    asked = Asked(submit(1, 5))
    first = asked.take(2, 1 << 20, at_least_one=True)
    rest = asked.take(9, 1 << 20, at_least_one=True)
    assert first is not None and rest is not None
    late, early = Batch(1, [first], 7), Batch(2, [rest], 8)
    late.results["address"], early.results["address"] = [1, 2], [3, 4, 5]
    assert early.answers() == []
    assert results_of(late.answers()) == {1: [1, 2, 3, 4, 5]}
