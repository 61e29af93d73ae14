"""Credit scenarios over HTTP: the catalogue, versions, what is refused, and keys that are bound to some."""

import threading

import pytest

from actors.records.secret import Secret
from actors.stores.api_keys import Binding, KeyRefused, KeyStore
from actors.stores.scenarios import ScenarioStore
from rules.scenarios.catalogue import NAMES, texts
from rules.scenarios.document import Scenario, read_scenario
from switch.api import scenario_catalogue, scenarios
from tests.front_door import SECRET, running_switch

HOTEL = texts()["hotel"]


async def test_a_version_is_published_once_and_what_does_not_check_is_refused_at_its_place(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        stricter = HOTEL.replace("score >= 600", "score >= 610")
        yaml = {"Content-Type": "application/yaml"}
        made = await switch.call(
            "PUT", "/v1/scenarios/hotel", data=stricter.encode(), headers={**yaml, "If-Match": '"1"'}
        )
        assert (made.status, made.json["version"], made.headers["ETag"]) == (201, 2, '"2"')
        again = await switch.call("PUT", "/v1/scenarios/hotel", {"text": stricter})
        assert (again.status, again.json["version"]) == (200, 2)
        late = await switch.call("PUT", "/v1/scenarios/hotel", {"text": HOTEL}, headers={"If-Match": '"1"'})
        assert late.json["code"] == "version_conflict"
        listed = (await switch.call("GET", "/v1/scenarios?limit=100")).json["data"]
        assert [each["version"] for each in listed if each["name"] == "hotel"] == [2], "it decides at once"
        assert (await switch.call("GET", "/v1/scenarios/hotel?version=1")).json["text"] == HOTEL
        priced = await switch.call("PUT", "/v1/scenarios/hotel", {"text": f"{HOTEL}fee: score\n"})
        assert priced.json["code"] == "invalid_scenario"
        (error,) = priced.json["errors"]
        assert error["line"] == HOTEL.count("\n") + 1 and "no price" in error["message"]
        named = await switch.call("PUT", "/v1/scenarios/motel", {"text": HOTEL})
        assert named.json["code"] == "invalid_field"
        nul = await switch.call("PUT", "/v1/scenarios/hotel", {"text": "a\0b"})
        assert nul.json["code"] == "invalid_field"


async def test_no_text_is_read_where_payments_are_answered(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[threading.Thread] = []

    def read(text: str, stored: bool = False) -> Scenario:
        readers.append(threading.current_thread())
        return read_scenario(text, stored=stored)

    async with running_switch(database_url) as switch:
        for module in (scenarios, scenario_catalogue):
            monkeypatch.setattr(module, "read_scenario", read)
        stricter = HOTEL.replace("score >= 600", "score >= 610")
        assert (await switch.call("PUT", "/v1/scenarios/hotel", {"text": stricter})).status == 201
        read_to_publish = len(readers)
        assert read_to_publish >= 2 and threading.main_thread() not in readers
        for query, text in (("", stricter), ("?version=1", HOTEL), ("?version=1", HOTEL), ("?version=2", stricter)):
            assert (await switch.call("GET", f"/v1/scenarios/hotel{query}")).json["text"] == text
        assert len(readers) <= read_to_publish + 1 and threading.main_thread() not in readers


async def test_who_publishes_at_the_same_time_is_told_of_the_own_version(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [HOTEL.replace("score >= 600", f"score >= {score}") for score in (610, 620, 630)]
    publish = ScenarioStore.publish
    async with running_switch(database_url) as switch:

        async def overtaken(self: ScenarioStore, name: str, text: str, account: int, newest: int | None) -> int:
            version = await publish(self, name, text, account, newest)
            await publish(self, name, f"{text}# later\n", account, None)
            return version

        monkeypatch.setattr(ScenarioStore, "publish", overtaken)
        answers = [await switch.call("PUT", "/v1/scenarios/hotel", {"text": text}) for text in texts]
        assert [(each.json["text"], each.json["version"]) for each in answers] == list(
            zip(texts, (2, 4, 6), strict=True)
        )


async def test_keys_of_merchants_are_bound_to_scenarios(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        store = KeyStore(switch.pool)
        made = await store.create("inn", ["merchant"], Binding(owners=["inn"], scenarios=["hotel"]))
        await store.create("inn", ["merchant"], Binding(scenarios=["travel"]))
        await store.create("ann", ["holder"], Binding(owners=["ann"]))
        for name, scopes, binding in (
            ("other", ["merchant"], Binding(owners=["other"])),
            ("other", ["holder"], Binding(owners=["other"], scenarios=["hotel"])),
            ("other", ["credit"], Binding(owners=["other"])),
            ("inn", ["analyst"], Binding()),
            ("inn", ["merchant"], Binding(scenarios=[f"s{i}" for i in range(99)])),
        ):
            try:
                await store.create(name, scopes, binding)
            except KeyRefused:
                continue
            raise AssertionError((name, scopes, binding))
        listed = {key.name: key.bound for key in await store.list(Secret.of(SECRET))}
        assert listed["inn"] is not None and listed["inn"].scenarios == ("hotel", "travel") and "other" not in listed
        answer = await switch.call("GET", "/v1/scenarios", token=made.key)
        assert answer.status == 200 and len(answer.json["data"]) == len(NAMES), "the catalogue is no secret"
        refused = await switch.call("PUT", "/v1/scenarios/hotel", {"text": HOTEL}, token=made.key)
        assert refused.json["code"] == "forbidden"
