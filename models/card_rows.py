"""Score rows by a card laid out as arrays. Who only reads cards loads no compiler for it."""

from models.jit import inlined, kernel


@inlined
def bin_of(card, c, value):
    """Where in `points` the points of this value stand. All edges are compared: a wrong guess at where to stop costs more."""
    position = card.edge_at[c] + c
    for edge in range(card.edge_at[c], card.edge_at[c + 1]):
        position += value >= card.edges[edge]
    return position


@kernel
def score_rows(card, null, columns, totals, shortfalls):
    """Score rows of `columns` (n, features). Fills `totals` (n,) with scores and `shortfalls` (n, characteristics)."""
    for row in range(columns.shape[0]):
        total = card.base
        for c in range(len(card.column)):
            value = columns[row, card.column[c]]
            points = card.missing[c] if value == null else card.points[bin_of(card, c, value)]
            total += points
            shortfalls[row, c] = card.best[c] - points
        totals[row] = total
