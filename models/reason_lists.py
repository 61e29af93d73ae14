"""Reasons of rows, from a pair of columns each to a list of pairs a row."""

from models.arrow_buffers import is_there
from models.jit import kernel


@kernel
def join_lists(columns, starts, places, gaps):
    """Put reasons of all rows one after the other, without what is absent: `places` and `gaps`, each as long as all columns together, and
    `starts` (n + 1,), where each row's begin and the last ends.

    `columns`: of each pair the place of a reason's text in its dictionary and bits, the place meant by each of these, -1: none, and the
    gap and bits, 0 where it has none. Gives how many reasons there are.
    """
    count = 0
    starts[0] = 0
    for row in range(len(starts) - 1):
        for column in columns:
            given, named, meant, points, known = column
            if is_there(named, row) and meant[given[row]] >= 0:
                places[count] = meant[given[row]]
                gaps[count] = points[row] if is_there(known, row) else 0
                count += 1
        starts[row + 1] = count
    return count
