"""A stepped line begins left and ends right, keeps zero in the picture, and needs two points."""

from switch.console.charts import HEIGHT, WIDTH, stepped_line

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
