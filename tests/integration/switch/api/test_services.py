"""What handlers share: wallets by id, balances over shards and stripes, and the problem of a deadline that passed."""

import uuid

import numpy as np
import pytest

from actors.records.codes import Code
from actors.records.ids import decode_wallet
from actors.records.layout import WALLET, WalletStatus
from actors.records.secret import Secret
from actors.rpc.interface import ShardUnavailable
from rules.vocabulary.encodings import WalletKind
from switch.api.services import _sum_of, deadline_problem
from switch.gateway.write_queue import DeadlineExceeded
from switch.problems.table import OVERLOADED_NUMBER, UNKNOWN_NUMBER, ProblemError
from tests.front_door import SECRET, RunningSwitch

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_ids_become_addresses_and_what_is_none_says_which_sort_it_is(shared: RunningSwitch) -> None:
    services, wallet = shared.services, await shared.wallet()
    known, foreign = decode_wallet(Secret.of(SECRET), wallet), str(uuid.uuid4())
    texts = [wallet, wallet.upper(), foreign, "", "x" * 36, wallet[:-1]]
    expected = [known, known, 0, -1, -1, -1]
    assert services.addresses(texts) == expected == [services.address(text) for text in texts]
    assert services.addresses([]) == []


async def test_balances_are_of_wallets_that_there_are_whatever_their_shards(shared: RunningSwitch) -> None:
    services = shared.services
    bank, users = await shared.wallet("external"), [await shared.wallet() for _ in range(6)]
    for amount, user in enumerate(users, start=1):
        assert (await shared.pay(bank, user, amount)).status == 201
    addresses = services.addresses([bank, *users])
    found = await services.balances([*addresses, 0])
    assert {len(await services.shards_of(address)) for address in addresses[1:]} == {1}
    assert len(await services.shards_of(addresses[0])) == 2 and list(await services.shards_of(0)) == []
    assert found[addresses[0]].posted == -21, "the stripes of all shards added up"
    assert set(found) == set(addresses)
    with pytest.raises(ProblemError) as missing:
        await services.balance(0)
    assert missing.value.code == "wallet_not_found"


async def test_a_shard_that_does_not_answer_is_a_timeout(shared: RunningSwitch) -> None:
    services, wallet = shared.services, await shared.wallet()
    kept = [client._host.wallets for client in shared.clients]

    async def away(*_: object) -> object:
        raise ShardUnavailable(True)

    try:
        for client in shared.clients:
            client._host.wallets = away  # type: ignore[assignment, method-assign]
        with pytest.raises(ProblemError) as late:
            await services.balance(services.address(wallet))
    finally:
        for client, wallets in zip(shared.clients, kept, strict=True):
            client._host.wallets = wallets  # type: ignore[method-assign]
    assert late.value.code == "timeout"


async def test_stripes_are_one_wallet_which_is_frozen_when_one_of_them_is() -> None:
    rows = np.zeros(3, WALLET)
    rows["currency"], rows["kind"], rows["status"] = 978, int(WalletKind.EXTERNAL), int(WalletStatus.OPEN)
    rows["credits"], rows["debits"], rows["held"], rows["opened"] = (5, 0, 7), (0, 20, 1), (1, 2, 3), (30, 10, 20)
    found = _sum_of(list(rows))
    assert (found.posted, found.held, found.opened, found.status) == (-9, 6, 10, int(WalletStatus.OPEN))
    rows["status"][2] = int(WalletStatus.FROZEN)
    assert _sum_of(list(rows)).status == int(WalletStatus.FROZEN)


@pytest.mark.parametrize(
    ("code", "sent", "moves_money", "moved"),
    [
        (UNKNOWN_NUMBER, True, True, "unknown"),
        (UNKNOWN_NUMBER, True, False, "no"),
        (OVERLOADED_NUMBER, False, True, "no"),
        (int(Code.DEFERRED), False, True, "no"),
    ],
)
async def test_money_may_have_moved_only_when_the_request_was_sent(
    code: int, sent: bool, moves_money: bool, moved: str
) -> None:
    assert deadline_problem(DeadlineExceeded(code, sent), moves_money).money_moved == moved
