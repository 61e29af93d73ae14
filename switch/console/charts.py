"""Charts that are drawn where the page is made, so that they need no script."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

WIDTH: Final = 1_000
HEIGHT: Final = 100
"""Of the drawing; the page stretches it."""
POINTS_MIN: Final = 2
RADAR: Final = 360
"""Both sides of a radar, names and all."""
RADAR_REACH: Final = 100
RADAR_RINGS: Final = (0.25, 0.5, 0.75, 1.0)
RADAR_NAMES: Final = 1.14
"""Where names stand, of the reach."""


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


def paired_bars(pairs: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Two counts a place, each as its share of all of its kind, side by side: rectangles of an SVG, and the largest share."""
    totals = [sum(pair[side] for pair in pairs) or 1 for side in (0, 1)]
    shares = [[pair[side] / totals[side] for side in (0, 1)] for pair in pairs]
    largest = max((max(each) for each in shares), default=0.0) or 1.0
    width = WIDTH / max(len(pairs), 1)
    bars = [
        {
            "side": ("before", "since")[side],
            "x": round(width * (at + 0.1 + 0.4 * side), 1),
            "y": round(HEIGHT - each[side] / largest * HEIGHT, 2),
            "width": round(width * 0.4, 1),
            "height": round(each[side] / largest * HEIGHT, 2),
        }
        for at, each in enumerate(shares)
        for side in (0, 1)
    ]
    return {"bars": bars, "largest": largest}


def radar(values: Sequence[tuple[str, int, int]]) -> dict[str, Any]:
    """Names, values, and the most of each: every one as its share of that on an axis of its own from the middle, the first one upwards,
    clockwise. SVG points of the polygon and of its rings, ends of axes, and where each name stands."""
    middle = RADAR / 2
    turns = [2 * math.pi * at / len(values) for at in range(len(values))]

    def at(turn: float, share: float) -> tuple[float, float]:
        reach = RADAR_REACH * share
        return round(middle + reach * math.sin(turn), 1), round(middle - reach * math.cos(turn), 1)

    def polygon(shares: Sequence[float]) -> str:
        return " ".join(f"{x},{y}" for x, y in map(at, turns, shares))

    shares = [min(max(value / (most or 1), 0.0), 1.0) for _, value, most in values]
    axes = []
    for (name, value, most), turn in zip(values, turns, strict=True):
        x, y = at(turn, 1.0)
        text_x, text_y = at(turn, RADAR_NAMES)
        side = math.sin(turn)
        anchor = "middle" if abs(side) < 0.2 else "start" if side > 0 else "end"
        words = {"name": name, "value": value, "most": most}
        axes.append({**words, "x": x, "y": y, "text_x": text_x, "text_y": text_y, "anchor": anchor})
    return {
        "size": RADAR,
        "middle": middle,
        "polygon": polygon(shares),
        "rings": [polygon([ring] * len(values)) for ring in RADAR_RINGS],
        "axes": axes,
    }
