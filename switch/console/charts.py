"""Charts that are drawn where the page is made, so that they need no script."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

WIDTH: Final = 1_000
HEIGHT: Final = 100
"""Of the drawing; the page stretches it."""
POINTS_MIN: Final = 2


def stepped_line(points: Sequence[tuple[str, int]]) -> dict[str, Any] | None:
    """A value that holds until the next one, by time (RFC 3339), oldest first: SVG paths, where zero lies, and what the axes say. None of
    fewer points than a line has."""
    if len(points) < POINTS_MIN:
        return None
    times = [datetime.fromisoformat(at).timestamp() for at, _ in points]
    values = [value for _, value in points]
    low, high = min(0, *values), max(0, *values)
    span, height = (times[-1] - times[0]) or 1.0, (high - low) or 1
    places = [
        (round((at - times[0]) / span * WIDTH, 1), round(HEIGHT - (value - low) / height * HEIGHT, 2))
        for at, value in zip(times, values, strict=True)
    ]
    path = f"M{places[0][0]} {places[0][1]}" + "".join(f"H{x}V{y}" for x, y in places[1:])
    zero = round(HEIGHT - (0 - low) / height * HEIGHT, 2)
    return {
        "stroke": path,
        "area": f"{path}V{zero}H{places[0][0]}Z",
        "zero": zero,
        "from": points[0][0],
        "to": points[-1][0],
        "low": min(values),
        "high": max(values),
        "points": len(points),
    }
