"""An import's own steps, with a client that is told what to answer."""

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.ledger.ids import Secret, encode_wallets, wallet_address
from switch.importer import runner
from switch.importer.client import Answers
from switch.importer.history import History
from switch.importer.progress import Tally
from switch.importer.runner import Options, RowRefused, Run, compare, create_wallets, places
from switch.importer.shardpay_format import read
from tests.excerpts import write_shardpay
from tests.unit.importer.replay import replayed

SECRET = Secret.of(bytes(range(16)))


class OneShard:
    """Answers as a switch of one shard does. `faults`: codes to answer instead, one a row, until used up."""

    def __init__(self, history: History, faults: list[int] | None = None) -> None:
        self._declined = replayed(history)[1]
        self._faults = faults or []
        self.settled: dict[int, int] = {}
        self.batches: list[list[int]] = []
        self.looks: list[tuple[int, int]] = []

    async def create_wallets(self, wallets: list[Any], key: uuid.UUID) -> list[uuid.UUID]:
        return [uuid.uuid5(key, wallet.external_id) for wallet in wallets]

    async def transfers(
        self, history: History, rows: NDArray[np.int64], wallets: NDArray[np.uint8], after: NDArray[np.uint8]
    ) -> Answers:
        self.batches.append(rows.tolist())
        codes = [self._faults.pop(0) if self._faults else 121 * self._declined[row] for row in rows.tolist()]
        replays = np.array([row in self.settled for row in rows.tolist()])
        self.settled.update({row: code for row, code in zip(rows.tolist(), codes, strict=True) if code in (0, 121)})
        return Answers(np.array(codes, np.uint16), np.ones((len(rows), 16), np.uint8), replays)

    async def posted(self, wallet: uuid.UUID) -> tuple[int, int]:
        return self.looks.pop(0)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return read(write_shardpay(tmp_path / "rows", rows=300))


def _run(history: History, client: OneShard, state: Path, tally: Tally) -> Run:
    options = Options(file=state, format="shardpay", url="", key=None, concurrency=2, rate=0, state=state)
    addresses = np.array([wallet_address(1, slot) for slot in range(1, len(history.wallets) + 1)])
    return Run(options, history, client, encode_wallets(SECRET, addresses), tally)  # type: ignore[arg-type]


def test_places_are_the_segments_in_wallet_ids() -> None:
    addresses = np.array([wallet_address(s, slot) for s in (0, 1, 2, 77, (1 << 20) - 1) for slot in (1, 65_535)])
    assert places(encode_wallets(SECRET, addresses)).tolist() == (addresses >> 16).tolist()


async def test_wallets_are_asked_for_under_the_same_keys_each_time(history: History) -> None:
    client: Any = OneShard(history)
    ids = await create_wallets(client, history)
    assert len({identity.tobytes() for identity in ids}) == len(history.wallets)
    assert (await create_wallets(client, history) == ids).all()


async def test_an_import_that_ended_asks_for_nothing_again(history: History, tmp_path: Path) -> None:
    client, tally = OneShard(history), Tally()
    await _run(history, client, tmp_path / "state", tally).payments()
    assert sorted(client.settled) == list(range(len(history.payments)))
    again, second = OneShard(history), Tally()
    await _run(history, again, tmp_path / "state", second).payments()
    assert again.batches == []
    assert (second.resumed_rows, second.codes) == (tally.rows, tally.codes)


async def test_rows_that_were_not_settled_are_sent_again_in_order(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.importer.client.PAUSE_MIN_S", 0.0)
    client, tally = OneShard(history, faults=[900, 0, 1, 901, 3]), Tally()
    await _run(history, client, tmp_path / "state", tally).payments()
    first, second = client.batches[:2]
    assert second == [first[0], *first[2:5]]
    assert tally.rows == len(history.payments)
    assert sorted(client.settled) == list(range(len(history.payments)))


async def test_a_refused_row_ends_the_import_with_its_number(history: History, tmp_path: Path) -> None:
    client = OneShard(history, faults=[0, 27])
    with pytest.raises(RowRefused, match="was refused: effective_time_went_back") as refusal:
        await _run(history, client, tmp_path / "state", Tally()).payments()
    assert str(refusal.value).startswith(f"row {history.payments.number[client.batches[0][1]]} ")
    assert len(client.batches) == 1


async def test_money_that_is_late_is_waited_for_and_money_that_is_wrong_is_told(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOOK_AGAIN_S", 0.0)
    one = history.wallets[0]
    client: Any = OneShard(history)
    client.looks = [(4, 0), (5, 1), (5, 0)]
    few = History(**{**{name: getattr(history, name) for name in History.__struct_fields__}, "wallets": [one]})
    ids = np.zeros((1, 16), np.uint8)
    assert await compare(client, few, ids, {one.external_id: 5}) == []
    assert client.looks == []
    monkeypatch.setattr(runner, "LANDED_WITHIN_S", -1.0)
    client.looks = [(4, 0)]
    found = await compare(client, few, ids, {one.external_id: 5, "nobody": 1})
    assert [(d.wallet, d.expected, d.posted) for d in found] == [("nobody", 1, 0), (one.external_id, 5, 4)]
