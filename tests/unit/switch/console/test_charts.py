"""A stepped line begins left and ends right, keeps zero in the picture, and needs two points; bars are shares of their own kind; a radar
has its largest value at the edge."""

from itertools import pairwise

import pytest

from switch.console.charts import HEIGHT, RADAR, RADAR_REACH, WIDTH, paired_bars, radar, stepped_line

DAY = "2026-11-2{}T12:00:00.000Z"


def chart(*values: int) -> dict[str, object]:
    found = stepped_line([(DAY.format(at), value) for at, value in enumerate(values)])
    assert found is not None
    return found


def test_fewer_points_than_a_line_has_are_no_chart() -> None:
    assert stepped_line([]) is None and stepped_line([(DAY.format(0), 5)]) is None


def test_a_value_holds_until_the_next_one() -> None:
    found = chart(0, 100, 50)
    assert found["stroke"] == f"M0.0 {HEIGHT}.0H500.0V0.0H{WIDTH}.0V50.0"
    assert found["area"] == f"{found['stroke']}V{HEIGHT}.0H0.0Z"
    assert (found["from"], found["to"], found["points"]) == (DAY.format(0), DAY.format(2), 3)


def test_zero_is_in_the_picture_whatever_the_values() -> None:
    assert chart(-100, 100)["zero"] == 50.0 and (chart(-100, 100)["low"], chart(-100, 100)["high"]) == (-100, 100)
    assert chart(-50, -100)["zero"] == 0.0
    assert chart(100, 200)["zero"] == float(HEIGHT) and chart(100, 200)["low"] == 100, "the axis says the values' own"


def test_points_of_one_time_and_of_no_height_divide_by_nothing() -> None:
    same = stepped_line([(DAY.format(0), 0), (DAY.format(0), 0)])
    assert same is not None and same["stroke"] == f"M0.0 {HEIGHT}.0H0.0V{HEIGHT}.0"


def test_bars_are_shares_of_their_own_kind_beside_each_other() -> None:
    found = paired_bars([(30, 1), (10, 1)])
    assert found["largest"] == 0.75
    assert [(bar["side"], bar["height"]) for bar in found["bars"]] == [
        ("before", 100.0),
        ("since", 66.67),
        ("before", 33.33),
        ("since", 66.67),
    ]
    assert all(bar["y"] + bar["height"] == pytest.approx(HEIGHT) for bar in found["bars"])
    ends = [(bar["x"], bar["x"] + bar["width"]) for bar in found["bars"]]
    assert ends[0][0] >= 0 and ends[-1][1] <= WIDTH and all(a[1] <= b[0] for a, b in pairwise(ends))


def test_bars_of_nothing_divide_by_nothing() -> None:
    assert paired_bars([]) == {"bars": [], "largest": 1.0}
    assert {bar["height"] for bar in paired_bars([(0, 0)])["bars"]} == {0.0}


def test_a_radar_has_the_best_at_its_edge_and_nothing_in_its_middle() -> None:
    found = radar([("up", 10, 10), ("right", 0, 10), ("down", 5, 10), ("left", 99, 10)])
    middle = RADAR / 2
    corners = [tuple(map(float, point.split(","))) for point in found["polygon"].split(" ")]
    assert corners == [
        (middle, middle - RADAR_REACH),
        (middle, middle),
        (middle, middle + RADAR_REACH / 2),
        (middle - RADAR_REACH, middle),
    ]
    assert [axis["anchor"] for axis in found["axes"]] == ["middle", "start", "middle", "end"]
    assert [(axis["name"], axis["value"], axis["most"]) for axis in found["axes"]][2] == ("down", 5, 10)
    assert len(found["rings"]) == 4 and radar([("x", 0, 0)])["polygon"] == f"{middle},{middle}"
