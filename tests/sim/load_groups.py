"""Linked groups: fees, salaries, exchanges, holds, with a row that spoils them at any place; repeated as a whole, in part, and changed."""

from typing import TYPE_CHECKING, Final

from actors.records.addresses import wallet_address
from actors.records.codes import Code, is_declined
from actors.records.layout import Kind
from tests.sim.questions import Request, linked

if TYPE_CHECKING:
    from tests.sim.load import Known, Load

EUR, USD = 978, 840
LIQUIDITY: Final = {EUR: 1030, USD: 1031}
FEE: Final = 1032


class Groups:
    """What a `Load` wants of linked groups."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._random = load.random
        self._scheduler = load.scheduler
        self._asked: list[list[Request]] = []
        self.actions = (
            (self._group, 16),
            (self._import_in_order, 4),
            (self._again, 4),
            (self._part_again, 4),
            (self._changed, 3),
        )

    def _payee(self, currency: int, payer: "Known | None" = None) -> int:
        fitting = [w.address for w in self._load.wallets if w.currency == currency and w != payer]
        return self._random.choice(fitting) if fitting else FEE

    def _rows(self, payer: "Known") -> list[Request]:
        load, shape = self._load, self._random.randrange(4)
        if shape == 0 and payer.currency == EUR:
            rows = [load.transfer(payer, self._payee(EUR, payer), load.amount()), load.transfer(payer, FEE, 3)]
            if self._scheduler.chance(0.4):
                partner = {"payer": FEE, "payee": self._payee(EUR, payer), "amount": 1}
                rows.append(load.request(payer.shard, **partner))
        elif shape == 1:
            other = USD if payer.currency == EUR else EUR
            to = {"payer": LIQUIDITY[other], "payee": self._payee(other), "currency": other, "amount": load.amount()}
            rows = [
                load.transfer(payer, LIQUIDITY[payer.currency], load.amount()),
                load.request(payer.shard, **to),
            ]
        else:
            long = 55 if load.switch.capacity.profiles > 55 else 9
            count = long if self._scheduler.chance(0.05) else self._random.randint(2, 5)
            rows = [load.transfer(payer, self._payee(payer.currency, payer), load.amount()) for _ in range(count)]
            if self._scheduler.chance(0.3):
                rows[0].body.update(op=int(Kind.HOLD), expires_in_s=self._random.choice((1, 2)))
        return rows

    def _spoil(self, payer: "Known", rows: list[Request]) -> None:
        """One row, somewhere, that is refused, declined, deferred, or a key used twice."""
        load, what = self._load, self._random.randrange(8)
        somewhere = load.transfer(payer, self._payee(payer.currency, payer), 5)
        if what == 0:
            somewhere.body["payee"] = payer.address
        elif what == 1:
            somewhere.body["amount"] = self._random.choice((10**12, 2**52))
        elif what == 2:
            segments = sorted(load.switch.database.segments) or [1]  # a failover may have lost them all
            somewhere.body["payee"] = wallet_address(self._random.choice(segments), 40_010)
        elif what == 3:
            somewhere.key, somewhere.body["caller"] = rows[0].key, rows[0].body["caller"]
        elif what == 4:
            here = [w for w in load.wallets if w.shard == payer.shard]
            somewhere.body["payer"] = self._random.choice(here).address
        elif what == 5:
            somewhere.body["amount"] = 0
        elif what == 6:
            somewhere.body["effective_time"] = self._scheduler.now - 10
        else:
            somewhere.body.update(op=int(Kind.VOID), amount=0)
        rows.insert(self._random.randint(0, len(rows)), somewhere)

    def _new(self) -> list[Request] | None:
        payer = self._load.rich()
        if payer is None:
            return None
        rows = self._rows(payer)
        if self._scheduler.chance(0.3):
            self._spoil(payer, rows)
        if self._scheduler.chance(0.2):
            time = self._scheduler.now - self._random.choice((0, 20, 5_500))
            for row in rows:
                row.body["effective_time"] = time
        named = self._load.holds.some_moved()
        if named is not None and self._scheduler.chance(0.15):
            row = self._random.choice(rows)
            row.body["after"], row.source = int(named.result["address"]), named
        self._asked.append(rows)
        return linked(rows)

    def _group(self) -> None:
        rows = self._new()
        if rows is not None:
            self._load.front_door.want(rows)

    def _import_in_order(self) -> None:
        """A group and then a payment of its payer, imported in one call; that the group waits for a remote wallet must not matter."""
        load, payer = self._load, self._load.rich()
        if payer is None:
            return
        time = self._scheduler.now - self._random.choice((30, 5_030))
        partner = {"payer": LIQUIDITY[payer.currency], "currency": payer.currency, "amount": 1}
        rows = [
            load.transfer(payer, LIQUIDITY[payer.currency], 2, effective_time=time),
            load.request(payer.shard, payee=self._payee(payer.currency, payer), effective_time=time, **partner),
        ]
        if rows[1].body["payee"] == FEE:
            return
        self._asked.append(rows)
        later = load.transfer(payer, LIQUIDITY[payer.currency], 2, effective_time=time + 20)
        self._scheduler.count("groups imported before a later payment")
        load.front_door.want([*linked(rows), later])

    def begin_again(self) -> None:
        """Of groups that a restore may have lost no part is sent again: it would be new, and judged as a part."""
        self._asked.clear()

    def _recorded(self) -> list[Request] | None:
        """A group of which all is known to be recorded."""
        done = [g for g in self._asked[-12:] if all(_is_recorded(row) for row in g)]
        return self._random.choice(done) if done else None

    def _again(self) -> None:
        rows = self._recorded()
        if rows is not None:
            self._scheduler.count("groups sent again")
            self._load.front_door.send(rows * self._random.choice((1, 1, 2)))

    def _part_again(self) -> None:
        """Some neighbouring rows, the user payer's among them, so that they have the same home."""
        rows = self._recorded()
        if rows is None:
            return
        first = self._random.randrange(len(rows))
        end = self._random.randint(first + 1, len(rows))
        if end - first == len(rows) or not any(row.body["payer"] >> 16 for row in rows[first:end]):
            return
        self._scheduler.count("parts of groups sent again")
        self._load.front_door.send(self._copies(rows[first:end]))

    def _changed(self) -> None:
        """The whole group with one row changed, or with one more."""
        rows = self._recorded()
        if rows is None:
            return
        copies = self._copies(rows)
        place = self._random.randrange(len(copies))
        old = copies[place]
        body = {**old.body, "amount": old.body["amount"] + 1}
        if self._scheduler.chance(0.5):
            key = old.key
        else:
            key = self._random.getrandbits(128)
        copies[place] = Request(old.shard, key, self._random.getrandbits(62) + 1, body)
        copies[place].part = old.digest
        copies[place].result = old.result
        self._scheduler.count("changed groups sent")
        for request in copies:
            self._load.switch.auditor.requests.setdefault(request.digest, request)
        self._load.front_door.send(linked(copies))

    @staticmethod
    def _copies(rows: list[Request]) -> list[Request]:
        copies = []
        for row in rows:
            request = Request(row.shard, row.key, row.digest, row.body)
            request.part, request.result = row.digest, row.result
            copies.append(request)
        return linked(copies)


def _is_recorded(request: Request) -> bool:
    if request.result is None:
        return False
    code = int(request.result["code"])
    return code == Code.OK or is_declined(code)
