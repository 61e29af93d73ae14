"""The catalogue of scenarios is there from the first start; a start leaves what somebody published."""

from actors.stores.scenarios import ScenarioStore, publish_catalogue
from rules.scenarios.catalogue import NAMES, texts
from tests.front_door import running_switch

HOTEL = texts()["hotel"]


async def test_the_catalogue_is_there_from_the_first_start_and_pages(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        first = (await switch.call("GET", "/v1/scenarios?limit=10")).json
        rest = (await switch.call("GET", f"/v1/scenarios?limit=10&after={first['next']}")).json
        shown = [*first["data"], *rest["data"]]
        assert [each["name"] for each in shown] == list(NAMES) and not rest["has_more"]
        hotel = next(each for each in shown if each["name"] == "hotel")
        assert (hotel["kind"], hotel["version"], hotel["terms"]["cap"]["EUR"]) == ("deposit_waived", 1, 50_000)
        assert hotel["condition"][0]["if"] == "score >= 600" and hotel["condition"][0]["reason"] == "SCORE_BELOW"
        one = (await switch.call("GET", "/v1/scenarios/hotel")).json
        assert one["text"] == HOTEL and [each["version"] for each in one["versions"]] == [1]
        assert (await switch.call("GET", "/v1/scenarios/hostel")).json["code"] == "scenario_not_found"


async def test_a_start_leaves_what_somebody_published_and_renews_what_nobody_did(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        await switch.call("PUT", "/v1/scenarios/hotel", {"text": HOTEL.replace("score >= 600", "score >= 610")})
        newer = {name: text.replace("title:", "# a newer text\ntitle:") for name, text in texts().items()}
        for _ in range(2):
            await publish_catalogue(database_url, newer)
        versions = await ScenarioStore(switch.pool).newest()
        assert set(versions.values()) == {2} and len(versions) == len(NAMES)
        hotel = await ScenarioStore(switch.pool).one("hotel")
        assert hotel is not None and "610" in hotel.text and hotel.made_by == "tests"
