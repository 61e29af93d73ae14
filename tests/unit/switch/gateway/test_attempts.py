"""Once an answer was lost, nothing later says that a request did nothing, unless it is a final answer; each row has its own outcome."""

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.records.codes import FIRST_REFUSED, Code, is_untried
from actors.records.layout import RESULT, Results
from switch.gateway.attempts import AGAIN, Attempts, RowAttempts
from switch.problems.table import OVERLOADED_NUMBER, UNKNOWN_NUMBER


def answers(*codes: int) -> Results:
    rows = np.zeros(len(codes), RESULT)
    rows["code"], rows["address"] = codes, 7
    return rows


def rows(*numbers: int) -> NDArray[np.int64]:
    return np.array(numbers, np.int64)


@pytest.mark.parametrize("untried", [code for code in Code if is_untried(code)])
def test_a_request_whose_answer_was_lost_may_have_happened_whatever_is_said_later(untried: int) -> None:
    known = Attempts()
    assert (known.code, known.sent) == (OVERLOADED_NUMBER, False)
    known.untried(untried)
    assert (known.code, known.sent) == (untried, False)
    known.lost(not_sent=True)
    assert (known.code, known.sent) == (untried, False)
    assert known.is_final(untried) == (untried not in AGAIN)
    known.lost(not_sent=False)
    known.untried(untried)
    assert (known.code, known.sent) == (UNKNOWN_NUMBER, True)
    assert not known.is_final(untried)
    assert known.is_final(Code.OK)
    assert known.is_final(Code.HOLD_NOT_OPEN)


@pytest.mark.parametrize("untried", [code for code in Code if is_untried(code)])
def test_of_many_rows_those_whose_answer_was_lost_stay_unknown_until_a_final_answer(untried: int) -> None:
    known = RowAttempts(5)
    assert known.results["code"].tolist() == [OVERLOADED_NUMBER] * 5
    known.lost(rows(0, 1), not_sent=False)
    known.lost(rows(2), not_sent=True)
    known.answered(rows(0, 1, 3), answers(untried, Code.OK, untried))
    assert known.results["code"].tolist() == [UNKNOWN_NUMBER, Code.OK, OVERLOADED_NUMBER, untried, OVERLOADED_NUMBER]
    assert known.results["address"].tolist() == [7, 7, 0, 7, 0]
    assert known.open_rows().tolist() == [0, 2, *([3] if untried in AGAIN else []), 4]
    known.answered(rows(0, 3), answers(Code.INSUFFICIENT_FUNDS, Code.OK))
    assert known.open_rows().tolist() == [2, 4]


@pytest.mark.parametrize("final", [code for code in Code if code >= FIRST_REFUSED or code == Code.OK])
def test_every_final_answer_holds_though_another_was_lost(final: int) -> None:
    known, of_rows = Attempts(), RowAttempts(2)
    known.lost(not_sent=False)
    of_rows.lost(rows(0, 1), not_sent=False)
    assert known.is_final(final)
    of_rows.answered(rows(1), answers(final))
    assert of_rows.results["code"].tolist() == [UNKNOWN_NUMBER, final]
    assert of_rows.open_rows().tolist() == [0]
