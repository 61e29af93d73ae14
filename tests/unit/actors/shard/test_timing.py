"""When a shard scored and stored what somebody follows."""

from actors.shard.timing import Timing


def test_nothing_is_followed_unless_somebody_asks() -> None:
    timing = Timing()
    assert not timing
    timing.follow(7)
    assert timing
    assert timing.end(7) == (0, 0, 0, 0)
    assert not timing


def test_a_submit_has_the_times_of_its_own_batches() -> None:
    timing = Timing()
    timing.follow(1)
    timing.follow(2)
    timing.scored([1, 9], 100)
    timing.scored([1], 200)
    first, second = timing.end(1), timing.end(2)
    assert first.scored_from == 100 and first.scored_until > 200, "one that was cut has the span of all its batches"
    assert second.scored_from == second.scored_until == 0


def test_the_commit_is_the_last_that_began_after_the_submit() -> None:
    timing = Timing()
    timing.stored(5)
    timing.follow(1)
    timing.stored(5)
    assert timing.end(1).stored_from == 0, "it was under way before"
    timing.follow(2)
    asked = timing._followed[2][0]
    timing.stored(asked + 1)
    timing.stored(asked + 2)
    times = timing.end(2)
    assert times.stored_from == asked + 2 and times.stored_until > asked
