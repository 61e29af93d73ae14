"""A share of fallbacks that is too high raises one alert, which lasts as long as it does."""

from actors.shard.fallbacks import OBSERVED, FallbackShare


def test_a_high_share_is_an_alarm_once_and_a_warning_while_it_lasts() -> None:
    share = FallbackShare()
    assert not share.observe(10_000, 50) and not share.warnings()
    assert share.observe(20_000, 5_000)
    assert not share.observe(30_000, 9_000)
    assert share.warnings() == ["9000 of 30000 payments in 10 s were decided by the fallback"]
    for second in range(OBSERVED + 1):
        share.observe(40_000 + 1_000 * second, 9_000)
    assert not share.warnings()
