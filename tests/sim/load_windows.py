"""Payers for whom there is no memory, one of whom gets what an idle one gives up: its windows must go on to say that attempts were lost."""

from typing import TYPE_CHECKING, Final

from actors.records.codes import Code
from actors.records.layout import Kind
from rules.vocabulary.encodings import WalletKind
from tests.sim.model import DAY_MS
from tests.sim.questions import Request
from tests.sim.scheduler import START_MS

if TYPE_CHECKING:
    from tests.sim.load import Load

IDLE_DAYS: Final = 9
LOST_DAYS: Final = 3
"""No window of an attempt so old begins after the idle one, so it gives up nothing yet; a window of today does, and holds the lost one."""
STEP_MS: Final = 60
CURRENCY: Final = 978


class LostAttempts:
    """A story in four steps, for a shard with room for four payers."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._opened: list[Request] = []

    def start(self) -> None:
        """Open wallets of the story's own."""
        fields = {"kind": int(WalletKind.USER), "currency": CURRENCY, "amount": -1_000}
        self._opened = [self._load.request(0, op=Kind.WALLET_OPENED, **fields) for _ in range(5)]
        self._load.front_door.want(self._opened)
        self._load.scheduler.after(STEP_MS, self._step, 0)

    def _step(self, step: int) -> None:
        if any(request.result is None or request.result["code"] != Code.OK for request in self._opened):
            self._load.scheduler.after(STEP_MS, self._step, step)
            return
        idle, *others, late = (int(request.result["address"]) for request in self._opened)
        if step == 0:
            self._pay([idle], late, IDLE_DAYS)
        elif step == 1:
            self._pay(others, idle, 0)
        elif step == 2:
            self._pay([late], idle, LOST_DAYS)
        elif step < 6:
            self._load.scheduler.count("payers that get the memory of an idle one", step == 3)
            self._pay([late], idle, 0)
        if step < 6 and self._load.left > 0:
            self._load.scheduler.after(STEP_MS, self._step, step + 1)

    def _pay(self, payers: list[int], payee: int, days_ago: int) -> None:
        time = START_MS - days_ago * DAY_MS if days_ago else 0
        fields = {"payee": payee, "currency": CURRENCY, "amount": 1, "effective_time": time}
        self._load.front_door.want([self._load.request(0, payer=payer, **fields) for payer in payers])
