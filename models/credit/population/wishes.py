"""What people earn and want to pay in a year, before anybody looks at what they have.

Amounts are minor units, times milliseconds since the year began. A wallet's number: people first, then merchants, then what lies outside.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.credit.population.draws import Draws, Numbers, repeated
from models.credit.population.paying import NO_ORDER
from models.credit.population.people import DAYS, NEVER, People
from models.statistics import Floats, probability

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
MONTHS: Final = 12
MONTH_DAYS: Final = 30
KINDS: Final = ("top_up", "cash_in", "payment", "transfer", "cash_out")
NOTES: Final = ("opening", "salary", "work", "rent", "utilities", "purchase", "cash", "friend", "order")
"""What rows are for; a row's reference says it."""
OUTSIDE: Final = (
    "opening",
    "welfare",
    "cash",
    *(f"employer-{at}" for at in range(40)),
    *(f"platform-{at}" for at in range(5)),
)
"""Wallets of the operator, through which money comes and goes."""
EMPLOYERS: Final = range(OUTSIDE.index("employer-0"), OUTSIDE.index("employer-0") + 40)
PLATFORMS: Final = range(OUTSIDE.index("platform-0"), OUTSIDE.index("platform-0") + 5)
MERCHANTS_MIN: Final = 20
PEOPLE_A_MERCHANT: Final = 50
MERCHANT_FLOAT_MINOR: Final = 10_000
"""What a merchant has when the year begins: so its wallet is there before anybody pays it."""
STEADY: Final = -0.6
"""Steadiness from which somebody has a salary; others work by the job, three times a month."""
OFF_MONTHS: Final = 0.5
"""Share of months in which occasional users leave their wallet alone."""
AFTER_SETBACK_INCOME: Final = 0.3
AFTER_SETBACK_SPENDING: Final = 0.6
GRACE_DAYS: Final = 30
"""From an order to the day on which it is due."""
ATTEMPTS_AFTER_DAYS: Final = (0, 4, 12)
"""An order that could not be paid for lack of funds is tried again."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """Columns (n,). `order`: number of the order that a row pays, or NO_ORDER."""

    payer: Numbers
    payee: Numbers
    amount: Numbers
    kind: Numbers
    note: Numbers
    time_ms: Numbers
    order: Numbers


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """Columns (n,) of what was used first and is to be paid later. `planned`: the day on which the holder means to pay, NEVER if not at
    all."""

    person: Numbers
    merchant: Numbers
    amount: Numbers
    created_ms: Numbers
    due_ms: Numbers
    planned: Numbers


class World:
    """People, and who else there is to pay: so that each kind of wish is a few lines."""

    def __init__(self, draws: Draws, people: People) -> None:
        self.draws = draws
        self.people = people
        self.count = len(people)
        self.merchants = MERCHANTS_MIN + self.count // PEOPLE_A_MERCHANT
        self.outside = self.count + self.merchants
        self.wallets = self.outside + len(OUTSIDE)
        near = people.discipline + draws.normal("friends", np.arange(self.count))
        self._ring = np.argsort(near, kind="stable")
        self._place = np.empty(self.count, np.int64)
        self._place[self._ring] = np.arange(self.count)

    def each_month(self, counts: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """For each person `counts` (n,) entries in every month: whose, in which month, and a number of its own for draws."""
        owner, place = repeated(counts * MONTHS)
        return owner, place % MONTHS, _numbers(owner, place)

    def merchant(self, stream: str, owner: Numbers, choice: Numbers) -> Numbers:
        """The merchant that is a person's `choice`."""
        return self.count + self.draws.below(f"merchant:{stream}", _numbers(owner, choice), self.merchants)

    def friend(self, owner: Numbers, steps: Numbers) -> Numbers:
        """Somebody so many steps away among people put in the order of their discipline, roughly: friends are alike."""
        return np.asarray(self._ring[(self._place[owner] + steps) % self.count])

    def spread(self, stream: str, numbers: Numbers, means: Floats, deviation: float) -> Numbers:
        """Amounts around `means`, log-normal, at least 1."""
        factor = np.exp(deviation * self.draws.normal(stream, numbers) - deviation**2 / 2)
        return np.maximum(np.rint(means * factor), 1).astype(np.int64)

    def clock(self, stream: str, numbers: Numbers, first: int, last: int) -> Numbers:
        """Milliseconds of a day between two hours."""
        return first * HOUR_MS + self.draws.below(stream, numbers, (last - first) * HOUR_MS)

    def after_setback(self, owner: Numbers, day: Numbers) -> NDArray[np.bool_]:
        """Whether a person has lost most of their income by then."""
        return day >= self.people.setback[owner]

    def spending(self, owner: Numbers, day: Numbers, share: Any) -> Floats:
        """A share of the month's income as it was, less after a setback."""
        less = np.where(self.after_setback(owner, day), AFTER_SETBACK_SPENDING, 1.0)
        return np.asarray(self.people.income[owner] * share * less)


def all_wishes(world: World, orders: Orders) -> Wishes:
    """Of everybody, in the order of time; of equal times in the order in which they are listed here."""
    parts = [
        _openings(world),
        _salaries(world),
        _work(world),
        _rent(world),
        _utilities(world),
        _purchases(world),
        _cash(world),
        _friends(world),
        _order_payments(orders),
    ]
    names = Wishes.__struct_fields__
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    kept = (whole["time_ms"] < DAYS * DAY_MS) & _both_opened(world, whole) & _used(world, whole)
    order = np.flatnonzero(kept)
    order = order[np.argsort(whole["time_ms"][order], kind="stable")]
    return Wishes(**{name: column[order] for name, column in whole.items()})


def orders_of(world: World) -> Orders:
    """Orders of the year: some six a person, each kept, late or broken as traits have it."""
    people, draws = world.people, world.draws
    each = np.arange(world.count)
    days = np.maximum(DAYS - people.opened, 0)
    owner, place = repeated(draws.counts("orders", each, 6.0 * days / DAYS * np.exp(-0.15 * people.prudence)))
    number = _numbers(owner, place)
    created = people.opened[owner] + draws.below("order:day", number, days[owner])
    due = created + GRACE_DAYS
    fallen = world.after_setback(owner, due)
    leaning = -0.85 * people.discipline[owner] - 0.35 * people.prudence[owner]
    breaks = draws.uniform("order:broken", number) < probability(-3.4 + leaning + 1.3 * fallen)
    late = draws.uniform("order:late", number) < probability(-1.9 + leaning + 0.9 * fallen)
    delay = np.where(late, 1 + draws.below("order:delay", number, 30), -draws.below("order:early", number, 6))
    return Orders(
        person=owner,
        merchant=world.merchant("orders", owner, draws.below("order:merchant", number, 3)),
        amount=world.spread("order:amount", number, 0.03 * people.income[owner], 0.7),
        created_ms=created * DAY_MS + world.clock("order:clock", number, 8, 22),
        due_ms=(due + 1) * DAY_MS - 1,
        planned=np.where(breaks, NEVER, due + delay),
    )


def _numbers(owner: Numbers, place: Numbers) -> Numbers:
    """A number of its own for each entry, that does not depend on how many people there are."""
    return owner * 4_096 + place


def _made(
    payer: Any, payee: Any, amount: Numbers, kind: str, note: str, time_ms: Numbers, order: Any = NO_ORDER
) -> Wishes:
    def column(value: Any) -> Numbers:
        return np.broadcast_to(np.asarray(value, np.int64), amount.shape).copy()

    return Wishes(
        payer=column(payer),
        payee=column(payee),
        amount=amount,
        kind=column(KINDS.index(kind)),
        note=column(NOTES.index(note)),
        time_ms=time_ms,
        order=column(order),
    )


def _both_opened(world: World, wishes: dict[str, Numbers]) -> NDArray[np.bool_]:
    """Nothing is paid to or by somebody whose wallet is not open yet."""
    opened = np.zeros(world.wallets, np.int64)
    opened[: world.count] = world.people.opened * DAY_MS
    later = np.maximum(opened[wishes["payer"]], opened[wishes["payee"]])
    return np.asarray((wishes["time_ms"] >= later) & (wishes["payer"] != wishes["payee"]))


def _used(world: World, wishes: dict[str, Numbers]) -> NDArray[np.bool_]:
    """In half of the months an occasional user pays nothing but orders."""
    people = np.flatnonzero(wishes["payer"] < world.count)
    payer, month = wishes["payer"][people], wishes["time_ms"][people] // (MONTH_DAYS * DAY_MS)
    off = world.people.occasional[payer] & (world.draws.uniform("off", _numbers(payer, month)) < OFF_MONTHS)
    used = np.ones(len(wishes["payer"]), np.bool_)
    used[people] = ~off | (wishes["order"][people] >= 0)
    return used


def _openings(world: World) -> Wishes:
    people = world.people
    each = np.arange(world.count)
    own = world.spread("opening", each, 0.25 * people.income * np.exp(0.4 * people.prudence), 0.6)
    everybody = np.arange(world.outside)
    amount = np.concatenate([own, np.full(world.merchants, MERCHANT_FLOAT_MINOR)])
    opened = np.concatenate([people.opened, np.zeros(world.merchants, np.int64)])
    return _made(world.outside + OUTSIDE.index("opening"), everybody, amount, "top_up", "opening", opened * DAY_MS)


def _paid(
    world: World, owner: Numbers, day: Numbers, means: Floats, payers: Numbers, stream: str
) -> tuple[Numbers, Numbers]:
    """Amounts and payers of income: after a setback less, and from welfare."""
    fallen = world.after_setback(owner, day)
    factor = np.where(fallen, AFTER_SETBACK_INCOME, 1.0)
    number = _numbers(owner, day)
    deviation = 0.03 if stream == "salary" else 0.5
    payer = np.where(fallen, OUTSIDE.index("welfare"), payers)
    return world.spread(f"{stream}:amount", number, means * factor, deviation), world.outside + payer


def _salaries(world: World) -> Wishes:
    people, draws = world.people, world.draws
    each = np.arange(world.count)
    owner, month, number = world.each_month((people.steadiness >= STEADY).astype(np.int64))
    payday = 24 + draws.below("payday", each, 5)
    late = draws.below("salary:late", number, 3) * (people.steadiness[owner] < 0.3)
    day = month * MONTH_DAYS + payday[owner] + late
    employer = EMPLOYERS[0] + draws.below("employer", each, len(EMPLOYERS))
    amount, payer = _paid(world, owner, day, people.income[owner], employer[owner], "salary")
    return _made(payer, owner, amount, "cash_in", "salary", day * DAY_MS + world.clock("salary:clock", number, 5, 9))


def _work(world: World) -> Wishes:
    people, draws = world.people, world.draws
    owner, month, number = world.each_month(3 * (people.steadiness < STEADY).astype(np.int64))
    day = month * MONTH_DAYS + draws.below("work:day", number, MONTH_DAYS)
    platform = PLATFORMS[0] + draws.below("platform", number, len(PLATFORMS))
    amount, payer = _paid(world, owner, day, people.income[owner] / 3, platform, "work")
    return _made(payer, owner, amount, "cash_in", "work", day * DAY_MS + world.clock("work:clock", number, 8, 20))


def _rent(world: World) -> Wishes:
    each = np.arange(world.count)
    owner, month, number = world.each_month((world.draws.uniform("rents", each) < 0.6).astype(np.int64))
    day = month * MONTH_DAYS + 1 + world.draws.below("rent:day", number, 4)
    amount = np.rint(world.spending(owner, day, 0.28)).astype(np.int64)
    landlord = world.merchant("landlord", owner, np.zeros_like(owner))
    return _made(owner, landlord, amount, "payment", "rent", day * DAY_MS + world.clock("rent:clock", number, 8, 20))


def _utilities(world: World) -> Wishes:
    owner, month, number = world.each_month(np.ones(world.count, np.int64))
    owner, month, number = (column[month % 2 == 0] for column in (owner, month, number))
    day = month * MONTH_DAYS + 10 + world.draws.below("utilities:day", number, 5)
    amount = world.spread("utilities:amount", number, world.spending(owner, day, 0.06), 0.2)
    payee = world.merchant("utilities", owner, np.zeros_like(owner))
    return _made(
        owner, payee, amount, "payment", "utilities", day * DAY_MS + world.clock("utilities:clock", number, 8, 20)
    )


def _purchases(world: World) -> Wishes:
    people, draws = world.people, world.draws
    each = np.arange(world.count)
    owner, month, number = world.each_month(draws.counts("purchases", each, 3.5 * np.exp(0.15 * people.means)))
    day = month * MONTH_DAYS + draws.below("purchase:day", number, MONTH_DAYS + 1)
    a_month = np.bincount(owner, minlength=world.count)[owner] / MONTHS
    share = np.clip(0.5 - 0.12 * people.prudence[owner], 0.1, 1.0) / a_month
    amount = world.spread("purchase:amount", number, world.spending(owner, day, share), 0.8)
    choices = 3 + draws.below("favourites", each, 8)
    choice = np.floor(draws.uniform("choice", number) ** 2 * choices[owner]).astype(np.int64)
    at_night = draws.uniform("night", number) < probability(-2.2 - 0.6 * people.discipline[owner])
    clock = np.where(at_night, world.clock("night:clock", number, 0, 6), world.clock("day:clock", number, 7, 24))
    return _made(owner, world.merchant("shops", owner, choice), amount, "payment", "purchase", day * DAY_MS + clock)


def _cash(world: World) -> Wishes:
    people, draws = world.people, world.draws
    each = np.arange(world.count)
    owner, month, number = world.each_month(draws.counts("cash", each, 0.7 * np.exp(-0.35 * people.prudence)))
    day = month * MONTH_DAYS + draws.below("cash:day", number, MONTH_DAYS)
    amount = 1_000 * np.maximum(1, np.rint(world.spending(owner, day, 0.06) / 1_000)).astype(np.int64)
    payee = world.outside + OUTSIDE.index("cash")
    return _made(owner, payee, amount, "cash_out", "cash", day * DAY_MS + world.clock("cash:clock", number, 8, 24))


def _friends(world: World) -> Wishes:
    people, draws = world.people, world.draws
    each = np.arange(world.count)
    owner, month, number = world.each_month(draws.counts("friend", each, 0.8 * np.exp(0.4 * people.ties)))
    day = month * MONTH_DAYS + draws.below("friend:day", number, MONTH_DAYS)
    reach = 1 + draws.below("reach", number, np.clip(np.rint(3 + 1.5 * people.ties[owner]), 1, 8).astype(np.int64))
    side = 1 - 2 * draws.below("side", number, 2)
    amount = world.spread("friend:amount", number, world.spending(owner, day, 0.03), 0.7)
    return _made(
        owner,
        world.friend(owner, reach * side),
        amount,
        "transfer",
        "friend",
        day * DAY_MS + world.clock("friend:clock", number, 9, 23),
    )


def _order_payments(orders: Orders) -> Wishes:
    meant = np.flatnonzero(orders.planned < NEVER)
    parts = []
    for attempt in ATTEMPTS_AFTER_DAYS:
        time_ms = np.maximum(
            (orders.planned[meant] + attempt) * DAY_MS + 9 * HOUR_MS, orders.created_ms[meant] + HOUR_MS
        )
        parts.append(
            _made(
                orders.person[meant], orders.merchant[meant], orders.amount[meant], "payment", "order", time_ms, meant
            )
        )
    return _joined(parts)


def _joined(parts: Sequence[Wishes]) -> Wishes:
    return Wishes(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in Wishes.__struct_fields__}
    )
