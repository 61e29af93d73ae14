"""What the front door sends to PostgreSQL and gets from it may take as long as its bytes do over a slow link."""

from random import Random

from actors.database.pool import SQL, Pool
from actors.stores.rule_packs import PackFacts, PackStore
from rules.decisions.decision import Action
from tests.slow_link import slow_link

LINK_BYTES_PER_S = 12_000_000
FACTS = PackFacts(name="large", hash="00" * 32, rules=(), live=(), reasons=(), fallback=Action.APPROVE)


async def test_the_time_limit_of_a_statement_follows_its_size_in_both_directions(database_url: str) -> None:
    """6 MB over a link of 12 MB/s, where a base of 0.3 s alone would give up, and give up again at each try."""
    files = {"list.txt": Random(1).randbytes(3_000_000).hex()}
    async with slow_link(database_url, LINK_BYTES_PER_S) as link:
        pool = await Pool.open(link.url, name="test", timeout_s=0.3)
        async with pool.session() as session:
            account = await session.fetchval(SQL["key_account"], "tests")
        store = PackStore(pool)
        await store.add_pack("text", files, FACTS, account, None)
        assert link.sent > 6_000_000
        stored = await store.pack("large")
        assert stored is not None and stored.files == files
        assert link.received > 6_000_000
        assert (await store.pack_of_text("large", "text", files)) == stored
        await pool.close()
