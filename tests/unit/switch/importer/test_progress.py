"""What is counted while an import runs."""

import numpy as np

from switch.importer.progress import Display, Tally


def test_declines_are_counted_by_name_and_replays_with_them() -> None:
    tally = Tally()
    tally.answered(np.array([0, 121, 121, 120], np.uint16), 1)
    tally.answered(np.array([0, 121], np.uint16), 2)
    assert tally.declined() == {"insufficient_funds": 3, "daily_limit_exceeded": 1}
    assert (tally.rows, tally.codes[0], tally.replayed) == (6, 2, 3)


def test_only_calls_with_payments_count_for_latencies() -> None:
    tally = Tally()
    tally.called(9.0)
    assert tally.latencies_ms() == (0.0, 0.0)
    tally.start()
    tally.retried("503")
    assert tally.waiting == "503"
    for _ in range(99):
        tally.called(0.010)
    tally.end()
    tally.called(9.0)
    assert tally.waiting == ""
    assert [round(value) for value in tally.latencies_ms()] == [10, 10]
    assert tally.retries == 1


def test_nothing_is_drawn_without_a_terminal(capsys: object) -> None:
    tally = Tally()
    with Display(tally) as display:
        tally.answered(np.zeros(3, np.uint16), 0)
        display.refresh()
    assert capsys.readouterr() == ("", "")  # type: ignore[attr-defined]
