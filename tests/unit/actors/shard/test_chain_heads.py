"""Chain heads are readable while the core works in a thread, as they were before that work."""

from typing import Any

import numpy as np
import pytest

from actors.ledger.ledger import Admitted, Applied
from actors.rpc.interface import ChainHead
from actors.shard.in_process import LocalSwitch
from bench.workload.payments import payment_rows
from tests.unit.actors.shard.test_host import started

ROWS = 100
NOBODY = 40_000


class Middle:
    """Asks where the chains of these wallets begin when a batch has made its records, before they are sealed."""

    def __init__(self, switch: LocalSwitch, addresses: Any) -> None:
        self.core = switch.hosts[0].core
        self.shown: list[ChainHead] | None = None
        self._addresses = addresses
        self._whole = self.core.ledger.apply
        self.core.ledger.apply = self._apply  # type: ignore[method-assign]

    def _apply(self, admitted: Admitted, decisions: Any, first: int) -> Applied:
        heads = self.core.begin_concurrent()
        self.keep(admitted)
        applied = self._whole(admitted, decisions, first)
        self.shown = heads.read_during_batch(self._addresses)
        self.core.end_concurrent()
        return applied

    def keep(self, admitted: Admitted) -> None:
        assert self.core._concurrent is not None
        self.core._concurrent.keep(admitted)


async def reported_of(switch: LocalSwitch, addresses: Any) -> list[ChainHead]:
    return await switch.hosts[0].heads(addresses)


async def test_of_a_wallet_in_the_batch_the_record_before_it_is_told() -> None:
    switch, addresses = await started()
    middle = Middle(switch, addresses)
    for rows in (ROWS, 1):
        before = await reported_of(switch, addresses)
        await switch.hosts[0].submit(payment_rows(addresses, rows, np.random.default_rng(2)), {})
        assert middle.shown == before
        assert await reported_of(switch, addresses) != before
    await switch.stop()


async def test_of_a_wallet_that_is_not_in_the_batch_its_newest_record_is_told_without_a_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    switch, addresses = await started()
    before = await reported_of(switch, addresses[:2])
    middle = Middle(switch, addresses[:2])
    monkeypatch.setattr(middle, "keep", lambda admitted: None)
    await switch.hosts[0].submit(payment_rows(addresses[2:], ROWS, np.random.default_rng(2)), {})
    assert middle.shown == before
    await switch.stop()


async def test_of_a_wallet_whose_head_moved_and_was_not_copied_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    switch, addresses = await started()
    middle = Middle(switch, addresses)
    monkeypatch.setattr(middle, "keep", lambda admitted: None)
    await switch.hosts[0].submit(payment_rows(addresses, ROWS, np.random.default_rng(2)), {})
    assert middle.shown is None
    await switch.stop()


async def test_that_a_wallet_does_not_exist_is_told() -> None:
    switch, addresses = await started()
    middle = Middle(switch, np.array([NOBODY]))
    await switch.hosts[0].submit(payment_rows(addresses, ROWS, np.random.default_rng(2)), {})
    assert middle.shown is not None
    assert [(head.currency, head.places) for head in middle.shown] == [(0, [])]
    currency = switch.hosts[0].core.ledger.wallets(addresses)["currency"]
    assert currency.all() and [head.currency for head in await reported_of(switch, addresses)] == currency.tolist()
    await switch.stop()
