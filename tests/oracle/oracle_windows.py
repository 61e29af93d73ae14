"""Window columns by brute force, and a naive model of what a payer's memory of attempts still holds.

Shares nothing with the code under test. An attempt is (effective time, amount, payee). A payer is remembered with 8 attempts, with 64
from the moment a ninth comes while the oldest is less than seven days old; what falls out is forgotten. When memory runs short, those
give theirs up who did not pay for seven days. Windows are
asked of all attempts ever made, so as long as nothing forgotten lies in a window, both must agree.
"""

HOUR = 3_600_000
WIDTHS = {"1h": HOUR, "24h": 24 * HOUR, "7d": 168 * HOUR}
SMALL, LARGE = 8, 64
LONG_AGO = -(10**18)


class Pool:
    """Room for attempts of all payers: so many payers, so many places; given-back pieces are taken first. With more than 64 payers
    only some of them are asked for theirs, which is not modelled."""

    def __init__(self, payers: int, places: int) -> None:
        self.payers, self.places = payers, places
        self.ever, self.used_places = 0, 0
        self.given_back = {SMALL: 0, LARGE: 0}
        self.having: list[Attempts] = []
        self.lost = LONG_AGO

    def take(self, size: int) -> bool:
        """One piece of memory."""
        if self.given_back[size]:
            self.given_back[size] -= 1
            return True
        if self.used_places + size <= self.places:
            self.used_places += size
            return True
        if size == LARGE or not self.given_back[LARGE]:
            return False
        self.given_back[LARGE] -= 1
        self.given_back[SMALL] += LARGE // SMALL - 1
        return True

    def reclaim(self, time: int) -> None:
        """Those who did not pay for seven days before `time` lose their memory, when it runs short."""
        short = 4 * self.used_places > 3 * self.places or self.used_places + LARGE > self.places
        if not short and 4 * self.ever <= 3 * self.payers:
            return
        assert self.ever <= 64
        for attempts in [a for a in self.having if a.all[-1][0] <= time - WIDTHS["7d"]]:
            self.having.remove(attempts)
            self.given_back[attempts.size] += 1
            self.lost = max(self.lost, attempts.all[-1][0])
            attempts.size, attempts.remembered, attempts.forgotten = 0, [], LONG_AGO

    def take_payer(self, payer: "Attempts", time: int) -> bool:
        """Memory for a further payer."""
        self.reclaim(time)
        if len(self.having) >= self.payers or not self.take(SMALL):
            return False
        self.having.append(payer)
        self.ever = max(self.ever, len(self.having))
        return True


class Attempts:
    """All attempts of one payer, and which of them the ledger would remember."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.all: list[tuple[int, int, int]] = []
        self.remembered: list[tuple[int, int, int]] = []
        self.size = 0
        self.forgotten = LONG_AGO

    def add(self, time: int, amount: int, payee: int) -> None:
        """One more attempt; times never go back."""
        self.all.append((time, amount, payee))
        if self.size == 0:
            if not self.pool.take_payer(self, time):
                self.pool.lost = max(self.pool.lost, time)
                return
            self.size, self.forgotten = SMALL, self.pool.lost
        if len(self.remembered) == self.size:
            self._make_room(time)
        self.remembered.append((time, amount, payee))

    def _make_room(self, time: int) -> None:
        oldest = self.remembered[0][0]
        if self.size == SMALL and oldest > time - WIDTHS["7d"]:
            self.pool.reclaim(time)
            if self.pool.take(LARGE):
                self.pool.given_back[SMALL] += 1
                self.size = LARGE
                return
        self.forgotten = max(self.forgotten, oldest)
        del self.remembered[0]

    def saturated(self, time: int) -> int:
        """Bit i: window i reaches back to something forgotten."""
        forgotten = self.forgotten if self.size else self.pool.lost
        return sum(1 << i for i, width in enumerate(WIDTHS.values()) if forgotten > time - width)

    def columns(self, time: int, payee: int) -> dict[str, int]:
        """Window columns for an attempt at this time to this payee, of all attempts ever made."""
        values: dict[str, int] = {}
        for name, width in WIDTHS.items():
            within = [a for a in self.all if time - width < a[0] <= time]
            values[f"count_{name}"] = len(within)
            values[f"sum_{name}"] = sum(a[1] for a in within)
            values[f"max_{name}"] = max((a[1] for a in within), default=0)
            values[f"payees_{name}"] = len({a[2] for a in within})
        longest = [a for a in self.all if time - WIDTHS["7d"] < a[0] <= time]
        values["payee_seen"] = sum(a[2] == payee for a in longest)
        values["saturated"] = self.saturated(time)
        return values

    def remembered_columns(self, time: int, payee: int) -> dict[str, int]:
        """The same of what is remembered; without distinct payees, which are then a lower bound only."""
        values: dict[str, int] = {}
        for name, width in WIDTHS.items():
            within = [a for a in self.remembered if time - width < a[0] <= time]
            values[f"count_{name}"] = len(within)
            values[f"sum_{name}"] = sum(a[1] for a in within)
            values[f"max_{name}"] = max((a[1] for a in within), default=0)
        longest = [a for a in self.remembered if time - WIDTHS["7d"] < a[0] <= time]
        values["payee_seen"] = sum(a[2] == payee for a in longest)
        return values
