"""Keys are remembered for a short time only."""

import pytest

from actors.key_store import Principal, key_hash
from switch.auth import CACHE_TTL_S, Authenticator, demand, demand_import
from switch.problems import ProblemError

PRINCIPAL = Principal(3, frozenset({"pay"}))


class Store:
    def __init__(self) -> None:
        self.keys = {key_hash("good"): PRINCIPAL}
        self.asked = 0
        self.now = 100.0

    async def find(self, hashed: bytes) -> Principal | None:
        self.asked += 1
        return self.keys.get(hashed)


async def test_a_key_is_looked_up_once_until_it_has_to_be_again() -> None:
    store = Store()
    authenticator = Authenticator(store.find, lambda: store.now)
    for _ in range(3):
        assert await authenticator.principal("Bearer good") is PRINCIPAL
    assert store.asked == 1
    store.keys.clear()
    store.now += CACHE_TTL_S
    with pytest.raises(ProblemError) as problem:
        await authenticator.principal("bearer  good")
    assert problem.value.code == "unauthenticated"


@pytest.mark.parametrize("header", [None, "", "good", "Bearer", "Bearer ", "Basic good", "Bearer " + "x" * 600])
async def test_other_headers_ask_nobody(header: str | None) -> None:
    store = Store()
    with pytest.raises(ProblemError):
        await Authenticator(store.find, lambda: store.now).principal(header)
    assert store.asked == 0


def test_a_scope_is_demanded() -> None:
    demand(PRINCIPAL, frozenset({"pay", "admin"}))
    with pytest.raises(ProblemError) as problem:
        demand(PRINCIPAL, frozenset({"read", "admin"}))
    assert problem.value.code == "forbidden"
    with pytest.raises(ProblemError):
        demand_import(PRINCIPAL)
