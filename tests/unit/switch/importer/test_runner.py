"""An import's own steps, with a client that answers as the test wants."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from actors.records.addresses import record_address, wallet_address
from actors.records.ids import encode_wallets, transfer_ids
from actors.records.secret import Secret
from switch.http.times import time_text
from switch.importer import runner
from switch.importer.client import Answers, Made, Recorded, Standing, SwitchError, first_of
from switch.importer.history import KINDS, History
from switch.importer.progress import Tally
from switch.importer.runner import Holding, ImportRun, Options, RowRefused, compare, places
from switch.importer.shardpay_format import read
from switch.importer.state import _ENCODE, StateFile
from switch.importer.wallets import Wallets, make_wallets
from switch.problems.table import NUMBERS
from tests.excerpts import write_shardpay
from tests.unit.switch.importer.expected_balances import balances_of

SECRET = Secret.of(bytes(range(16)))


class OneShard:
    """Answers as a switch of one shard does. `faults`: codes to answer instead, one a row, until used up; `journal`: payments by id."""

    def __init__(
        self, history: History, faults: list[int] | None = None, journal: dict[bytes, Recorded] | None = None
    ) -> None:
        self.journal = {} if journal is None else journal
        self._declined = balances_of(history)[1]
        self._faults = faults or []
        self.ended: dict[int, int] = {}
        self.batches: list[list[int]] = []
        self.looks: list[tuple[int, int]] = []
        self.there: set[str] = set()
        self.known: set[bytes] = set()
        self.paid: set[uuid.UUID] = set()
        self.stop_after: int | None = None
        self.on_batch: Callable[[], None] = lambda: None

    async def create_wallets(self, wallets: list[Any], key: uuid.UUID) -> list[Made]:
        return [Made(uuid.uuid5(key, wallet.external_id), wallet.external_id in self.there) for wallet in wallets]

    async def transfers(
        self, history: History, rows: NDArray[np.int64], wallets: NDArray[np.uint8], after: NDArray[np.uint8]
    ) -> Answers:
        if self.stop_after is not None and len(self.batches) >= self.stop_after:
            self.batches.append(rows.tolist())
            raise ConnectionError("killed")
        self.batches.append(rows.tolist())
        self.on_batch()
        codes = [self._faults.pop(0) if self._faults else 121 * self._declined[row] for row in rows.tolist()]
        repeats = np.array([row in self.ended for row in rows.tolist()])
        self.ended.update({row: code for row, code in zip(rows.tolist(), codes, strict=True) if code in (0, 121)})
        ids = np.zeros((len(rows), 16), np.uint8)
        for place, (row, code) in enumerate(zip(rows.tolist(), codes, strict=True)):
            if code in (0, 121):
                ids[place] = self._record(history, row, wallets, NUMBERS[code])
        return Answers(np.array(codes, np.uint16), ids, repeats)

    def _record(self, history: History, row: int, wallets: NDArray[np.uint8], code: str) -> NDArray[np.uint8]:
        payments, now_ms = history.payments, time.time_ns() // 1_000_000
        address = np.array([record_address(0, 1 + len(self.journal), 0)])
        identity: NDArray[np.uint8] = transfer_ids(SECRET, np.array([now_ms]), address)[0]
        payer, payee = int(payments.payer[row]), int(payments.payee[row])
        self.journal[identity.tobytes()] = Recorded(
            id=str(uuid.UUID(bytes=identity.tobytes())),
            payer=str(uuid.UUID(bytes=wallets[payer].tobytes())),
            payee=str(uuid.UUID(bytes=wallets[payee].tobytes())),
            amount=int(payments.amount[row]),
            currency=history.wallets[payer].currency,
            kind=KINDS[payments.kind[row]],
            effective_at=time_text(int(payments.effective_ms[row])),
            created_at=time_text(now_ms),
            code=code,
        )
        return identity

    async def transfer(self, identity: bytes) -> Recorded | None:
        return self.journal.get(identity)

    async def recorded(self, wallet: NDArray[np.uint8], key: NDArray[np.uint8]) -> object | None:
        return object() if key.tobytes() in self.known else None

    async def has_payments(self, wallet: uuid.UUID) -> bool:
        return wallet in self.paid

    async def standing(self, wallet: uuid.UUID) -> Standing:
        posted, held = self.looks.pop(0)
        return Standing("user", "EUR", posted, held)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return read(write_shardpay(tmp_path / "rows", rows=300))


def _run(history: History, client: OneShard, state: Path, tally: Tally, *, reopened: int = 0) -> ImportRun:
    """`reopened`: of so many wallets, the last ones, the ids were lost and they have others."""
    options = Options(file=state, format="shardpay", url="", key=None, concurrency=2, rate=0, state=state)
    count = len(history.wallets)
    addresses = np.array([wallet_address(1 + (slot > count - reopened), slot) for slot in range(1, count + 1)])
    return ImportRun(options, history, client, Wallets(encode_wallets(SECRET, addresses), {}), tally)  # type: ignore[arg-type]


def test_places_are_the_segments_in_wallet_ids() -> None:
    addresses = np.array([wallet_address(s, slot) for s in (0, 1, 2, 77, (1 << 20) - 1) for slot in (1, 65_535)])
    assert places(encode_wallets(SECRET, addresses)).tolist() == (addresses >> 16).tolist()


async def test_wallets_are_asked_for_under_the_same_keys_each_time(history: History) -> None:
    client: Any = OneShard(history)
    ids = (await make_wallets(client, history)).ids
    assert len({identity.tobytes() for identity in ids}) == len(history.wallets)
    assert ((await make_wallets(client, history)).ids == ids).all()


async def test_an_import_that_ended_asks_for_nothing_again(history: History, tmp_path: Path) -> None:
    client, tally = OneShard(history), Tally()
    await _run(history, client, tmp_path / "state", tally).payments()
    assert sorted(client.ended) == list(range(len(history.payments)))
    again, second = OneShard(history, journal=client.journal), Tally()
    await _run(history, again, tmp_path / "state", second).payments()
    assert again.batches == []
    assert (second.resumed_rows, second.codes) == (tally.rows, tally.codes)


HOUR_NS = 3_600_000_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """[nanoseconds since 1970], which only the test moves."""
    now = [1_795_521_600_000_000_000]
    monkeypatch.setattr("time.time_ns", lambda: now[0])
    return now


async def end_of(run: ImportRun) -> str:
    """What ends an import."""
    try:
        await run.payments()
    except Exception as error:
        return str(first_of(error))
    return "all is answered"


@pytest.mark.parametrize("answered", [0, 1, 5])
async def test_rows_whose_keys_may_be_forgotten_are_not_sent_again(
    history: History, tmp_path: Path, clock: list[int], answered: int
) -> None:
    client = OneShard(history)
    client.stop_after = answered
    assert await end_of(_run(history, client, tmp_path / "state", Tally())) == "killed"
    clock[0] += 22 * HOUR_NS
    again = OneShard(history, journal=client.journal)
    again.stop_after = 0
    assert await end_of(_run(history, again, tmp_path / "state", Tally())) == "killed" and again.batches
    for _ in range(2):
        clock[0] += 2 * HOUR_NS
        late = OneShard(history, journal=client.journal)
        run = _run(history, late, tmp_path / "state", Tally())
        late.paid = {run._wallets.identity(place) for place in range(len(history.wallets))}
        assert "could be paid twice" in await end_of(run) and not late.batches
    if not answered:  # of the first wave; a wallet that was there before might have been paid by it
        run = _run(history, OneShard(history), tmp_path / "state", Tally())
        run._wallets.before.update({place: Standing("user", "EUR", 0, 0) for place in range(len(history.wallets))})
        assert "could be paid twice" in await end_of(run)
        assert await end_of(_run(history, OneShard(history), tmp_path / "state", Tally())) == "all is answered"


async def test_a_machine_that_slept_between_two_tries_does_not_send_the_second(
    history: History, tmp_path: Path, clock: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.importer.client.PAUSE_MIN_S", 0.0)
    client = OneShard(history, faults=[900])
    client.on_batch = lambda: clock.__setitem__(0, clock[0] + 48 * HOUR_NS)
    with pytest.raises(SwitchError, match="could be paid twice"):
        await _run(history, client, tmp_path / "state", Tally()).payments()
    assert len(client.batches) == 1


async def test_rows_of_a_long_wave_that_are_sent_for_the_first_time_are_sent(
    history: History, tmp_path: Path, clock: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "REQUEST_ROWS", 4)
    client = OneShard(history)
    client.on_batch = lambda: clock.__setitem__(0, clock[0] + 10 * HOUR_NS)
    assert await end_of(_run(history, client, tmp_path / "state", Tally())) == "all is answered"


async def test_a_file_that_was_imported_before_its_keys_were_forgotten_is_not_imported_again(
    history: History, tmp_path: Path
) -> None:
    before = OneShard(history)
    run = _run(history, before, tmp_path / "state", Tally())
    await run.payments()
    home = int(run._corrections._home[before.batches[0][0]])
    again = OneShard(history)
    again.paid = {run._wallets.identity(home)}
    with pytest.raises(SwitchError, match=r"this file was imported before: it made .* would be paid again"):
        await _run(history, again, tmp_path / "elsewhere", Tally()).payments()
    assert not again.batches
    again.known = {history.keys[row].tobytes() for row in before.batches[0]}
    await _run(history, again, tmp_path / "elsewhere", Tally()).payments()
    assert sorted(again.ended) == list(range(len(history.payments)))


@pytest.mark.parametrize("waves", [1, 5, 1_000])
@pytest.mark.parametrize(
    ("kept", "later_hours", "way_out"),
    [
        (0, 0, "the file was never imported into it, move the state file away"),
        (0, 48, "the file was never imported into it, move the state file away"),
        (1, 0, "move the state file away before then, and the same command pays what is missing"),
        (1, 48, "sent now they could be paid twice"),
    ],
)
async def test_an_import_whose_answered_rows_the_switch_has_lost_sends_nothing(
    history: History, tmp_path: Path, clock: list[int], waves: int, kept: int, later_hours: int, way_out: str
) -> None:
    """It ended with every balance as the file says, where all rows were noted; else the rows behind those were sent."""
    before = OneShard(history)
    before.stop_after = waves
    await end_of(_run(history, before, tmp_path / "state", Tally()))
    clock[0] += later_hours * HOUR_NS
    assert len(before.journal) > kept
    restored = OneShard(history, journal=dict([*before.journal.items()][:kept]))
    tally, noted = Tally(), (tmp_path / "state").read_bytes()
    end = await end_of(_run(history, restored, tmp_path / "state", tally))
    assert "does not have what the state file" in end and way_out in end
    assert not restored.batches and tally.rows == 0 and (tmp_path / "state").read_bytes() == noted
    whole = OneShard(history, journal=before.journal)
    whole.stop_after = 0
    assert "does not have" not in await end_of(_run(history, whole, tmp_path / "state", Tally()))


async def test_an_import_into_wallets_that_were_opened_again_since_throws_nothing_away(
    history: History, tmp_path: Path, clock: list[int]
) -> None:
    """All rows were sent again, also those that the switch had kept and whose keys it had forgotten."""
    client = OneShard(history)
    client.stop_after = 2
    await end_of(_run(history, client, tmp_path / "state", Tally()))
    noted, again = (tmp_path / "state").read_bytes(), OneShard(history, journal=client.journal)
    for hours, way_out in (
        (0, "move the state file away before then"),
        (24, "Statements of their wallets say which are paid"),
    ):
        clock[0] += hours * HOUR_NS
        end = await end_of(_run(history, again, tmp_path / "state", Tally(), reopened=1))
        assert "have other ids" in end and way_out in end
    assert not again.batches and (tmp_path / "state").read_bytes() == noted


@pytest.mark.parametrize("field", ["payer", "amount", "effective_at"])
async def test_another_payment_at_the_place_of_a_noted_one_is_not_it(
    history: History, tmp_path: Path, field: str
) -> None:
    client = OneShard(history)
    await _run(history, client, tmp_path / "state", Tally()).payments()
    last = max(client.journal)
    changed = {"payer": str(uuid.uuid4()), "amount": 1, "effective_at": "2031-01-01T00:00:00Z"}[field]
    client.journal[last] = msgspec.structs.replace(client.journal[last], **{field: changed})
    again = OneShard(history, journal=client.journal)
    assert "does not have what the state file" in await end_of(_run(history, again, tmp_path / "state", Tally()))


async def test_a_state_file_of_before_is_checked_by_the_ids_that_rows_name(history: History, tmp_path: Path) -> None:
    client = OneShard(history)
    run = _run(history, client, tmp_path / "new", Tally())
    await run.payments()
    assert run._plan is not None
    identity = run._identity(run._plan)
    with (
        StateFile(tmp_path / "new", history.digest, identity) as new,
        StateFile(tmp_path / "state", history.digest, identity) as old,
    ):
        old.read()
        for wave in new.read().waves:
            old._write(_ENCODE([wave.number, wave.rows, wave.codes, wave.marks, wave.mark_ids, wave.replayed]))
    again = OneShard(history, journal=client.journal)
    assert await end_of(_run(history, again, tmp_path / "state", Tally())) == "all is answered" and not again.batches
    end = await end_of(_run(history, OneShard(history), tmp_path / "state", Tally()))
    assert "sent now they could be paid twice" in end, "what came before those ids is not known"


async def test_rows_that_have_no_result_are_sent_again_in_order(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.importer.client.PAUSE_MIN_S", 0.0)
    client, tally = OneShard(history, faults=[900, 0, 1, 901, 3]), Tally()
    await _run(history, client, tmp_path / "state", tally).payments()
    first, second = client.batches[:2]
    assert second == [first[0], *first[2:5]]
    assert tally.rows == len(history.payments)
    assert sorted(client.ended) == list(range(len(history.payments)))


async def test_a_refused_row_ends_the_import_with_its_number(history: History, tmp_path: Path) -> None:
    client = OneShard(history, faults=[0, 27])
    with pytest.raises(RowRefused, match="was refused: effective_time_went_back") as refusal:
        await _run(history, client, tmp_path / "state", Tally()).payments()
    assert str(refusal.value).startswith(f"line {history.payments.number[client.batches[0][1]] + 1} ")
    assert len(client.batches) == 1


async def test_money_that_is_late_is_waited_for_and_money_that_is_wrong_is_told(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOOK_AGAIN_S", 0.0)
    one = history.wallets[0]
    client: Any = OneShard(history)
    client.looks = [(4, 0), (5, 1), (5, 0)]
    few = History(**{**{name: getattr(history, name) for name in History.__struct_fields__}, "wallets": [one]})
    ids = Wallets(np.zeros((1, 16), np.uint8), {})
    assert await compare(client, few, ids, {one.external_id: Holding(posted=5)}) == []
    assert client.looks == []
    monkeypatch.setattr(runner, "LANDED_WITHIN_S", -1.0)
    client.looks = [(4, 0)]
    found = await compare(client, few, ids, {one.external_id: Holding(posted=5), "nobody": Holding(posted=1)})
    assert [(d.wallet, d.expected, d.posted) for d in found] == [("nobody", 1, 0), (one.external_id, 5, 4)]


async def test_a_wallet_that_is_there_in_another_currency_ends_the_import(history: History) -> None:
    client: Any = OneShard(history)
    client.there = {"person-3"}
    client.looks = [(7, 0)]
    made = await make_wallets(client, history)
    assert [standing.posted for standing in made.before.values()] == [7]
    wallets = [msgspec.structs.replace(each, currency="USD") for each in history.wallets]
    client.looks = [(7, 0)]
    with pytest.raises(SwitchError, match="person-3 is there already, its currency is EUR; in the file it is USD"):
        await make_wallets(client, msgspec.structs.replace(history, wallets=wallets))


def test_a_replay_of_what_this_run_made_was_not_there_before() -> None:
    """A process that dies answers nobody, and the switch sends its rows again by itself: they come back as repeats."""
    made = object.__new__(ImportRun)
    made._first_made = {}
    secret, one, two = Secret.of(bytes(16)), record_address(0, 5, 0), record_address(1, 9, 0)

    def shown(addresses: list[int], replayed: list[bool]) -> Answers:
        ids = transfer_ids(secret, np.zeros(len(addresses), np.int64), np.array(addresses))
        return Answers(np.zeros(len(addresses), np.uint16), ids, np.array(replayed), 1)

    assert made._recorded_before(shown([one, two], [True, True])).tolist() == [True, True]
    rows = shown([one - 1, one, one + 1, two - 1], [True, False, True, True])
    assert made._recorded_before(rows).tolist() == [True, False, False, True]
    assert made._recorded_before(shown([one + 7, two], [True, False])).tolist() == [False, False]
    assert made._recorded_before(shown([one - 2, two + 1, two - 1], [True] * 3)).tolist() == [True, False, True]
