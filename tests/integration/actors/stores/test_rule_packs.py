"""Versions of packs and cards never change and follow each other; a deployment holds if it follows on the one that does."""

import asyncio

import pytest

from actors.database.connection import connect
from actors.database.pool import Pool
from actors.stores.deployment import Deployment
from actors.stores.rule_packs import PackFacts, PackNames, PackStore, VersionConflict, ensure_default
from rules.decisions.decision import Action


def facts(name: str = "cards", card: tuple[str, int] | None = None, fallback: Action = Action.REVIEW) -> PackFacts:
    return PackFacts(
        name=name,
        hash="ab" * 32,
        rules=("large", "new"),
        live=(True, False),
        reasons=("r1",),
        fallback=fallback,
        card=card,
    )


async def test_a_version_comes_back_as_it_was_published(pool: Pool, account: int) -> None:
    store = PackStore(pool)
    await store.add_card("c", 1, "{}", "00", account)
    await store.add_pack("one", {"b": "2", "a": "1"}, facts(), account, 0)
    await store.add_pack("two", {}, facts(card=("c", 1), fallback=Action.DECLINE), account, 1)
    first, newest = await store.pack("cards", 1), await store.pack("cards")
    assert first and newest
    assert (first.text, first.files, first.facts, first.made_by) == ("one", {"b": "2", "a": "1"}, facts(), "shop")
    assert (newest.version, newest.facts) == (2, facts(card=("c", 1), fallback=Action.DECLINE))
    assert await store.packs([first.number, newest.number, 99]) == {first.number: first, newest.number: newest}
    assert await store.packs([]) == {} and await store.pack("cards", 3) is None and await store.pack("none") is None
    assert await store.names([newest.number, 99]) == {newest.number: PackNames("cards@2", ("large", "new"), ("r1",))}
    listed = await store.versions_of_pack("cards")
    assert [(each.version, each.text, each.files) for each in listed] == [(2, "", {}), (1, "", {})]


async def test_a_pack_is_found_by_its_text_and_files_in_whatever_order(pool: Pool, account: int) -> None:
    store = PackStore(pool)
    for _ in range(2):
        await store.add_pack("one", {"b": "2", "a": "1"}, facts(), account, None)
    found = await store.pack_of_text("cards", "one", {"a": "1", "b": "2"})
    assert found is not None and found.version == 2
    for name, text, files in (("cards", "one", {"a": "1"}), ("cards", "two", {}), ("other", "one", {})):
        assert await store.pack_of_text(name, text, files) is None


async def test_packs_are_listed_in_the_order_of_their_first_versions(pool: Pool, account: int) -> None:
    store = PackStore(pool)
    for name in ("z", "a", "m", "z"):
        await store.add_pack("text", {}, facts(name), account, None)
    page = await store.newest_packs(0, 2)
    assert [(first, each.facts.name, each.version, each.text) for first, each in page] == [
        (1, "z", 2, ""),
        (2, "a", 1, ""),
    ]
    assert [each.facts.name for _, each in await store.newest_packs(page[-1][0], 9)] == ["m"]


@pytest.mark.parametrize("newest", [0, 2])
async def test_an_author_who_did_not_see_the_newest_version_is_refused(pool: Pool, account: int, newest: int) -> None:
    store = PackStore(pool)
    await store.add_pack("one", {}, facts(), account, None)
    with pytest.raises(VersionConflict) as refused:
        await store.add_pack("two", {}, facts(), account, newest)
    assert refused.value.newest == 1 and len(await store.versions_of_pack("cards")) == 1


async def test_authors_at_once_get_versions_in_a_row(pool: Pool, account: int) -> None:
    store = PackStore(pool)
    given = await asyncio.gather(*(store.add_pack(f"{n}", {}, facts(), account, None) for n in range(6)))
    assert [each.version for each in await store.versions_of_pack("cards")] == [6, 5, 4, 3, 2, 1]
    stored = [await store.pack("cards", version) for version in given]
    assert [each and each.text for each in stored] == [f"{n}" for n in range(6)]
    outcomes = await asyncio.gather(
        *(store.add_card("c", 1, "{}", "00", account) for _ in range(4)), return_exceptions=True
    )
    assert outcomes.count(None) == 1 and sum(isinstance(each, VersionConflict) for each in outcomes) == 3


async def test_cards_have_versions_and_numbers_and_packs_that_name_them(pool: Pool, account: int) -> None:
    store = PackStore(pool)
    await store.add_card("c", 1, '{"n": 1}', "11", account)
    await store.add_card("d", 1, "{}", "22", account)
    await store.add_card("c", 2, '{"n": 2}', "33", account)
    for wrong in (2, 4):
        with pytest.raises(VersionConflict) as refused:
            await store.add_card("c", wrong, "{}", "44", account)
        assert refused.value.newest == 2
    newest = await store.card("c")
    assert newest and (newest.version, newest.document, newest.hash, newest.made_by) == (2, '{"n": 2}', "33", "shop")
    numbered = await store.card_number("c", 2)
    assert numbered and numbered[1] == newest == await store.card_numbered(numbered[0])
    assert [await store.card("c", 3), await store.card_number("x", 1), await store.card_numbered(99)] == [None] * 3
    assert [(each.version, each.document) for each in await store.versions_of_card("c")] == [(2, ""), (1, "")]
    assert [(first, each.name, each.version) for first, each in await store.newest_cards(0, 9)] == [
        (1, "c", 2),
        (2, "d", 1),
    ]
    await store.add_pack("text", {}, facts("p", ("c", 2)), account, None)
    assert await store.users_of_card("c", 2) == ["p@1"] and await store.users_of_card("c", 1) == []


async def test_a_new_database_has_the_default_pack_live_and_keeps_what_it_has(pool: Pool, database_url: str) -> None:
    store = PackStore(pool)
    with pytest.raises(LookupError):
        await store.deployment()
    connection = await connect(database_url, name="test")
    for text in ("default", "another"):
        await ensure_default(connection, text, facts("default"))
    await connection.close()
    pack, deployment = await store.pack("default"), await store.deployment()
    assert pack and (pack.version, pack.text, pack.made_by) == (1, "default", None)
    assert (deployment.revision, deployment.live, deployment.shadows) == (1, pack.number, ())


async def test_a_deployment_holds_if_it_follows_on_the_one_that_does(
    pool: Pool, database_url: str, account: int
) -> None:
    store = PackStore(pool)
    connection = await connect(database_url, name="test")
    await ensure_default(connection, "default", facts("default"))
    await connection.close()
    for name in ("b", "c"):
        await store.add_pack("text", {}, facts(name), account, None)
    await store.deploy(Deployment(revision=2, live=2, challenger=1, share=250, shadows=(3,)), account)
    held = await store.deployment()
    assert (held.revision, held.live, held.challenger, held.share, held.shadows) == (2, 2, 1, 250, (3,))
    assert held.made_by == "shop" and held.made_at is not None
    for late in (1, 2, 4):
        with pytest.raises(VersionConflict) as refused:
            await store.deploy(Deployment(revision=late, live=1), account)
        assert refused.value.newest == 2
    assert [each.revision for each in await store.changes(9)] == [2, 1]
    assert [each.revision for each in await store.changes(1)] == [2]


async def test_a_deployment_that_was_lost_never_was_though_another_has_its_revision(
    pool: Pool, database_url: str, account: int
) -> None:
    store = PackStore(pool)
    connection = await connect(database_url, name="test")
    await ensure_default(connection, "default", facts("default"))
    first = await store.deployment()
    await store.add_pack("text", {}, facts("b"), account, None)
    await store.deploy(Deployment(revision=2, live=2), account)
    lost = await store.deployment()
    assert await store.was_deployed(first) and await store.was_deployed(lost)
    await connection.execute("DELETE FROM deployment WHERE revision = 2")
    assert not await store.was_deployed(lost)
    await store.deploy(Deployment(revision=2, live=2), account)
    await connection.close()
    assert not await store.was_deployed(lost) and await store.was_deployed(await store.deployment())
    assert await store.was_deployed(first)


async def test_counts_add_up_whoever_counts(pool: Pool, account: int) -> None:
    store = PackStore(pool)
    for name in ("a", "b"):
        await store.add_pack("text", {}, facts(name), account, None)
    keys = [(1, "decided", 0), (1, "hit", 1), (2, "shadow", 0)]
    await asyncio.gather(*(store.count(dict.fromkeys(keys[::step], 5)) for step in (1, -1) * 4))
    await store.count({})
    await store.count({keys[0]: 2**40})
    assert await store.counts([1]) == {keys[0]: 40 + 2**40, keys[1]: 40}
    assert await store.counts([1, 2, 3]) == await store.counts([1, 2]) and await store.counts([]) == {}
