"""Versions of credit scenarios follow each other, one number a name; the switch's own give way to anybody's."""

import asyncio
import hashlib

import pytest

from actors.database.pool import Pool
from actors.stores import scenarios
from actors.stores.rule_packs import VersionConflict
from actors.stores.scenarios import ScenariosFull, ScenarioStore, publish_catalogue, text_hash


async def test_versions_of_a_name_follow_each_other_under_one_number(pool: Pool, account: int) -> None:
    store = ScenarioStore(pool)
    for name, text in (("hotel", "one"), ("loan", "other"), ("hotel", "two")):
        await store.publish(name, text, account, None)
    newest, first, loan = await store.one("hotel"), await store.one("hotel", 1), await store.one("loan")
    assert newest and first and loan
    assert (newest.version, newest.text, newest.label, newest.made_by) == (2, "two", "hotel@2", "shop")
    assert (first.number, first.version, first.text) == (newest.number, 1, "one") and loan.number != newest.number
    assert newest.hash == hashlib.sha256(b"two").hexdigest() == text_hash("two")
    assert await store.newest() == {first.number: 2, loan.number: 1}
    assert [(each.version, each.text) for each in await store.history("hotel")] == [(2, ""), (1, "")]
    assert await store.one("hotel", 3) is None and await store.one("Hotel") is None and await store.history("") == []


async def test_versions_are_read_by_number_and_what_is_not_there_is_left_out(pool: Pool, account: int) -> None:
    store = ScenarioStore(pool)
    await store.publish("hotel", "one", account, 0)
    await store.publish("hotel", "two", account, 1)
    number = next(iter(await store.newest()))
    found = await store.versions([(number, 2), (number, 1), (number, 9), (number + 1, 1)])
    assert {(each.version, each.text) for each in found} == {(1, "one"), (2, "two")}
    assert await store.versions([]) == []


@pytest.mark.parametrize(("versions", "newest"), [(0, 1), (1, 0), (2, 1), (2, 3)])
async def test_an_author_who_did_not_see_the_newest_is_refused(
    pool: Pool, account: int, versions: int, newest: int
) -> None:
    store = ScenarioStore(pool)
    for number in range(versions):
        await store.publish("hotel", str(number), account, number)
    with pytest.raises(VersionConflict) as refused:
        await store.publish("hotel", "late", account, newest)
    assert refused.value.newest == versions and len(await store.history("hotel")) == versions


async def test_of_authors_at_once_one_publishes_the_version(pool: Pool, account: int) -> None:
    store = ScenarioStore(pool)
    outcomes = await asyncio.gather(
        *(store.publish("hotel", f"{n}", account, 0) for n in range(6)), return_exceptions=True
    )
    assert outcomes.count(1) == 1 and all(isinstance(each, VersionConflict | int) for each in outcomes)


async def test_names_are_bounded_and_versions_of_a_name_are_not(
    pool: Pool, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenarios, "SCENARIOS_MAX", 2)
    store = ScenarioStore(pool)
    await store.publish("a", "1", account, None)
    await store.publish("b", "1", account, None)
    with pytest.raises(ScenariosFull, match="2 scenarios"):
        await store.publish("c", "1", account, None)
    await store.publish("b", "2", account, None)
    assert await store.one("c") is None


async def test_the_catalogue_is_published_once_and_again_when_its_text_changed(
    pool: Pool, account: int, database_url: str
) -> None:
    store = ScenarioStore(pool)
    for text in ("one", "one", "two"):
        await publish_catalogue(database_url, {"hotel": text, "loan": "same"})
    hotel, loan = await store.one("hotel"), await store.one("loan")
    assert hotel and loan and (hotel.version, hotel.text, hotel.made_by) == (2, "two", None) and loan.version == 1
    await store.publish("hotel", "mine", account, 2)
    await publish_catalogue(database_url, {"hotel": "three"})
    mine = await store.one("hotel")
    assert mine and (mine.version, mine.text, mine.made_by) == (3, "mine", "shop"), "what somebody published is theirs"
