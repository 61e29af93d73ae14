"""Wallets of an import: made once under keys of the file, found where they were, and refused where they are of another kind."""

import uuid
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from switch.importer import wallets
from switch.importer.client import Made, Standing, SwitchError
from switch.importer.history import HELD_BACK, OPENING, History, WalletSpec
from switch.importer.shardpay_format import read
from switch.importer.wallets import Wallets, floor_notes, make_wallets, without_openings
from tests.excerpts import write_shardpay


@pytest.fixture
def history(tmp_path: Path) -> History:
    return read(write_shardpay(tmp_path / "rows", rows=60))


class Switch:
    """Makes wallets, but for those that were there."""

    def __init__(self, there: dict[str, Standing] | None = None) -> None:
        self._there = there or {}
        self._names: dict[uuid.UUID, str] = {}
        self.calls: list[tuple[uuid.UUID, list[str]]] = []

    async def create_wallets(self, specs: list[WalletSpec], key: uuid.UUID) -> list[Made]:
        self.calls.append((key, [spec.external_id for spec in specs]))
        made = []
        for spec in specs:
            identity = uuid.uuid5(uuid.NAMESPACE_URL, spec.external_id)
            self._names[identity] = spec.external_id
            made.append(Made(identity, spec.external_id in self._there))
        return made

    async def standing(self, wallet: uuid.UUID) -> Standing:
        return self._there[self._names[wallet]]


async def made(history: History, switch: Switch) -> Wallets:
    return await make_wallets(switch, history)  # type: ignore[arg-type]


def first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def test_each_wallet_has_its_own_id_in_the_order_of_the_file(history: History) -> None:
    switch = Switch()
    found = await made(history, switch)
    expected = [uuid.uuid5(uuid.NAMESPACE_URL, spec.external_id) for spec in history.wallets]
    assert [found.identity(index) for index in range(len(history.wallets))] == expected and found.before == {}


async def test_the_same_file_is_sent_under_the_same_keys_and_another_under_others(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallets, "WALLETS_MAX", 2)
    runs = []
    for digest in (history.digest, history.digest, bytes(16)):
        switch = Switch()
        await made(msgspec.structs.replace(history, digest=digest), switch)
        runs.append({key: tuple(names) for key, names in switch.calls})
        assert max(len(names) for _, names in switch.calls) <= 2
    assert runs[0] == runs[1] and not runs[0].keys() & runs[2].keys()
    assert sorted(name for names in runs[0].values() for name in names) == sorted(
        spec.external_id for spec in history.wallets
    )


async def test_wallets_of_one_call_are_of_one_time(history: History) -> None:
    specs = [msgspec.structs.replace(spec, opened_ms=1_000 + at % 3) for at, spec in enumerate(history.wallets)]
    opened = {spec.external_id: spec.opened_ms for spec in specs}
    switch = Switch()
    await made(msgspec.structs.replace(history, wallets=specs), switch)
    assert len(switch.calls) == min(3, len(specs))
    for _, names in switch.calls:
        assert len({opened[name] for name in names}) == 1


async def test_what_another_import_made_keeps_what_it_holds(history: History) -> None:
    spec = history.wallets[0]
    there = {spec.external_id: Standing(spec.kind, spec.currency, 7, 0)}
    assert (await made(history, Switch(there))).before == {0: there[spec.external_id]}


@pytest.mark.parametrize(("field", "value"), [("kind", "fee"), ("currency", "USD")])
async def test_a_wallet_of_another_kind_or_currency_is_refused_with_its_name(
    history: History, field: str, value: str
) -> None:
    spec = history.wallets[0]
    standing = msgspec.structs.replace(Standing(spec.kind, spec.currency, 7, 0), **{field: value})
    with pytest.raises(SwitchError) as refused:
        await made(history, Switch({spec.external_id: standing}))
    text = str(refused.value)
    assert spec.external_id in text and f"its {field} is {value}" in text and "--currency" not in text
    if field == "currency":
        with pytest.raises(SwitchError, match="--currency USD goes on with it"):
            await made(msgspec.structs.replace(history, name="paysim"), Switch({spec.external_id: standing}))


async def test_what_a_switch_refuses_ends_the_making(history: History) -> None:
    class Away(Switch):
        async def create_wallets(self, specs: Any, key: uuid.UUID) -> list[Made]:
            raise SwitchError("away")

    with pytest.raises((SwitchError, BaseExceptionGroup)) as refused:
        await made(history, Away())
    assert isinstance(first(refused.value), SwitchError)


def test_a_floor_that_is_higher_than_the_file_needs_is_named_for_few(history: History) -> None:
    specs = [msgspec.structs.replace(spec, floor=-10) for spec in history.wallets]
    lowered = msgspec.structs.replace(history, wallets=specs)
    before = {index: Standing("user", "EUR", 0, 0, floor) for index, floor in enumerate((0, -10, None, -5, 0, 0))}
    before = {index: each for index, each in before.items() if index < len(specs)}
    notes = floor_notes(lowered, Wallets(np.zeros((len(specs), 16), np.uint8), before))
    assert notes[0] == f"{specs[0].external_id} may go down to 0, this file takes it down to -10"
    higher = sum(1 for each in before.values() if each.floor is not None and each.floor > -10)
    assert len(notes) == min(higher, 3) + (higher > 3) and (
        higher <= 3 or notes[-1] == f"and {higher - 3} more wallet{'s' if higher > 4 else ''}"
    )


def test_openings_of_wallets_that_were_there_are_not_paid_again(history: History) -> None:
    numbers = np.array([0, 1, OPENING + 0, OPENING + 1, HELD_BACK + 1], np.int64)
    columns = {name: getattr(history.payments, name)[:5].copy() for name in history.payments.__struct_fields__}
    payments = type(history.payments)(**{**columns, "number": numbers})
    some = msgspec.structs.replace(history, payments=payments, keys=history.keys[:5])
    standing = Standing("user", "EUR", 7, 0)
    left = without_openings(some, {1: standing})
    assert left.payments.number.tolist() == [0, 1, OPENING] and len(left.keys) == 3
    assert without_openings(some, {}) is some and without_openings(some, {9: standing}) is some
