"""Attempts go on for a day, each after a longer pause, and then end."""

from switch.webhooks.schedule import JITTER, RETRY_AFTER_S, retry_in_s


def test_attempts_go_on_over_a_day_and_then_end() -> None:
    pauses = [retry_in_s(tries, 0.5) for tries in range(1, len(RETRY_AFTER_S) + 1)]
    assert pauses == list(RETRY_AFTER_S) == sorted(RETRY_AFTER_S)
    assert 23 * 3_600 < sum(RETRY_AFTER_S) < 25 * 3_600
    assert retry_in_s(len(RETRY_AFTER_S) + 1, 0.5) is None


def test_what_failed_together_does_not_come_back_together() -> None:
    assert (retry_in_s(4, 0.0), retry_in_s(4, 1.0)) == (600 * (1 - JITTER), 600 * (1 + JITTER))


def test_a_receiver_may_ask_to_be_left_alone_for_an_hour_at_most() -> None:
    assert retry_in_s(1, 0.5, 90.0) == 90.0
    assert retry_in_s(1, 0.5, 1e9) == 3_600
    assert retry_in_s(8, 0.5, 10.0) == RETRY_AFTER_S[7], "never sooner than by itself"
