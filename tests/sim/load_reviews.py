"""Analysts and their cases: answered in time, as they expire, twice; and callers and analysts who ask for what is not theirs."""

from typing import TYPE_CHECKING

from actors.records.layout import FLAG_FINAL, REQUEST_ANSWER, Kind
from tests.sim.questions import Request
from tests.sim.switch import REVIEW_SECONDS

if TYPE_CHECKING:
    from tests.sim.load import Load


class Reviews:
    """What a `Load` wants of payments in review."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._random = load.random
        self._scheduler = load.scheduler
        self._cases: list[Request] = []
        self.actions = (
            (self._review, 8),
            (self._answer, 14),
            (self._answer_twice, 4),
            (self._not_theirs, 4),
        )

    def opened(self, request: Request) -> None:
        """A request was answered with IN_REVIEW: an analyst may wait until it expires."""
        self._cases.append(request)
        if self._scheduler.chance(0.3):
            seconds = min(REVIEW_SECONDS, request.body["expires_in_s"] or REVIEW_SECONDS)
            wait = int(request.result["record_time"]) + 1000 * seconds - self._scheduler.now
            self._scheduler.after(max(0, wait + self._random.randint(-25, 10)), self._late, request)

    def _review(self) -> None:
        """A payment that will be reviewed, to whom it may be."""
        pair = self._load.pair(self._load.rich())
        if pair is not None:
            self._load.front_door.want(
                [self._load.transfer(pair[0], pair[1].address, self._random.choice((700, 1_400)))]
            )

    def _some_case(self) -> Request | None:
        """Mostly one that is still open."""
        latest = self._cases[-12:]
        if self._scheduler.chance(0.8):
            shards = self._load.switch.auditor.model.shards
            latest = [c for c in latest if int(c.result["address"]) in shards[c.shard].holds] or latest
        return self._random.choice(latest) if latest else None

    def _answer_of(self, case: Request) -> Request:
        approve = Kind.APPROVAL if case.body["op"] == Kind.HOLD else Kind.CAPTURE
        wrong = Kind.CAPTURE if approve == Kind.APPROVAL else Kind.APPROVAL
        op = self._random.choice((approve, approve, approve, Kind.VOID, Kind.VOID, wrong))
        request = self._load.holds.of(case, op, 5 if self._scheduler.chance(0.04) else 0, final=False)
        by_caller = op == Kind.VOID and self._scheduler.chance(0.3)  # who asked for the payment wants it no more
        request.flags = REQUEST_ANSWER | (FLAG_FINAL if by_caller else 0)
        return request

    def _answer(self) -> None:
        case = self._some_case()
        if case is not None:
            self._load.front_door.want([self._answer_of(case)])

    def _late(self, case: Request) -> None:
        if self._load.left > 0:
            self._scheduler.count("answered as it expires")
            self._load.front_door.want([self._answer_of(case)])

    def _answer_twice(self) -> None:
        """By two analysts in one call or one after the other, or the very same answer again."""
        case = self._some_case()
        if case is None:
            return
        first, second = self._answer_of(case), self._answer_of(case)
        if self._scheduler.chance(0.3):
            second = first
        if self._scheduler.chance(0.5):
            self._load.front_door.want([first, second])
            self._scheduler.count("answered twice in one call")
        else:
            self._load.front_door.want([first])
            once_more = self._load.front_door.send_again if second is first else self._load.front_door.want
            self._scheduler.after(self._random.randint(0, 60), once_more, [second])

    def _not_theirs(self) -> None:
        """A caller ends a case, an analyst an ordinary hold."""
        if self._scheduler.chance(0.5):
            hold = self._load.holds.some_hold()
            flags = REQUEST_ANSWER
        else:
            hold, flags = self._some_case(), 0
        if hold is not None:
            op = self._random.choice((Kind.CAPTURE, Kind.VOID, Kind.APPROVAL))
            request = self._load.holds.of(hold, op)
            request.flags = flags
            self._load.front_door.want([request])
