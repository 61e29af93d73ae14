"""Labels of payments: who said what and when; backtests of the journal and of an export split by them, and a card is trained on them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from actors.backtest.labelled import LEFT_OUT
from actors.export.export import Job, export
from actors.stores.api_keys import KeyStore
from rules.vocabulary.columns import COLUMNS
from tests.front_door import RunningSwitch, running_switch
from tests.integration.switch.cli.running import at, run
from tests.published_packs import payers

PACK = "name: strict\nfallback: approve\nrules:\n  - {id: big, when: amount >= 50, action: decline, reason: BIG}\n"


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1) as running:
        yield running


async def paid(switch: RunningSwitch, *amounts: int) -> list[str]:
    _, (payer,) = await payers(switch)
    shop = await switch.wallet()
    return [(await switch.pay(payer, shop, amount)).json["id"] for amount in amounts]


async def labelled(switch: RunningSwitch, identity: str, label: bool, **sent: Any) -> Any:
    answer = await switch.call("PUT", f"/v1/transfers/{identity}/label", {"label": label}, **sent)
    assert answer.status == 200, answer.raw
    return answer.json


async def test_a_label_says_who_spoke_last_and_can_be_taken_back(switch: RunningSwitch) -> None:
    (one,) = await paid(switch, 10)
    path = f"/v1/transfers/{one}/label"
    assert (await switch.call("GET", path)).json["code"] == "label_not_found"
    first = await labelled(switch, one, True)
    assert (first["id"], first["label"], first["made_by"]) == (one, True, "tests")
    other = await KeyStore(switch.pool).create("desk", ["analyst"])
    assert (await labelled(switch, one, True, token=other.key)) == first, "the same again changes nothing"
    changed = await labelled(switch, one, False, token=other.key)
    assert (changed["label"], changed["made_by"]) == (False, "desk") and changed["made_at"] > first["made_at"]
    assert (await switch.call("GET", path)).json == changed
    assert (await switch.call("DELETE", path)).status == 200
    assert (await switch.call("DELETE", path)).json["code"] == "label_not_found"


async def test_many_are_labelled_all_or_none_and_listed_page_by_page(switch: RunningSwitch) -> None:
    ids = await paid(switch, 10, 20, 30)
    rows = [{"id": identity, "label": place == 1} for place, identity in enumerate(ids)]
    nobody = "00003000-0f18-86a7-a655-811d7f69def9"
    for wrong, field in (({"id": nobody, "label": True}, "labels[3].id"), ({**rows[0], "label": True}, "labels[3].id")):
        refused = await switch.call("POST", "/v1/labels", {"labels": [*rows, wrong]})
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, field), refused.raw
    assert (await switch.call("GET", "/v1/labels")).json["data"] == []
    assert (await switch.call("POST", "/v1/labels", {"labels": rows[::-1]})).json == {"count": 3}
    page = (await switch.call("GET", "/v1/labels?limit=2")).json
    rest = (await switch.call("GET", f"/v1/labels?limit=2&after={page['next']}")).json
    assert [(each["id"], each["label"]) for each in [*page["data"], *rest["data"]]] == [
        (each["id"], each["label"]) for each in rows
    ]
    assert page["has_more"] and not rest["has_more"]
    refund = await switch.call("POST", f"/v1/transfers/{ids[0]}/refund", {}, key="back")
    unlabelled = await switch.call("PUT", f"/v1/transfers/{refund.json['id']}/label", {"label": True})
    assert (unlabelled.status, unlabelled.json["code"]) == (404, "transfer_not_found"), "only attempts are scored"
    read = await KeyStore(switch.pool).create("reader", ["read"])
    assert (await switch.call("POST", "/v1/labels", {"labels": rows}, token=read.key)).status == 403


async def test_a_backtest_splits_by_labels_that_were_stored_and_those_given_go_first(switch: RunningSwitch) -> None:
    small, big, huge = await paid(switch, 10, 60, 70)
    for identity, fraud in ((small, True), (big, True), (huge, False)):
        await labelled(switch, identity, fraud)
    tried = (await switch.call("POST", "/v1/rule-packs/backtest", {"text": PACK})).json["report"]["labels"]
    assert (tried["attempts"], tried["now"]["found"], tried["now"]["true"], tried["now"]["flagged"]) == (3, 1, 2, 2)
    given = {"text": PACK, "labels": [{"id": huge, "label": True}]}
    tried = (await switch.call("POST", "/v1/rule-packs/backtest", given)).json["report"]["labels"]
    assert (tried["attempts"], tried["now"]["found"], tried["now"]["true"]) == (3, 2, 3)


async def test_labels_go_with_an_export_to_backtests_and_to_training(switch: RunningSwitch, tmp_path: Path) -> None:
    ids = await paid(switch, *(10 + place for place in range(120)))
    file = tmp_path / "labels.csv"
    file.write_text("id,label\n" + "".join(f"{each},{place >= 60}\n" for place, each in enumerate(ids)))
    put = await at(switch, "labels", "put-file", file, "--json")
    assert json.loads(put.output) == {"labels": 120, "fraud": 60}
    await export(Job(url=switch.database_url, output=tmp_path / "lake"))
    (tmp_path / "pack.yaml").write_text(PACK)
    lake, table = tmp_path / "lake", tmp_path / "labelled.parquet"
    tried = await run("rules", "backtest", tmp_path / "pack.yaml", "--input", lake, "--json", "--workers", "1")
    assert json.loads(tried.output)["report"]["labels"]["attempts"] == 120, tried.output
    made = await run("labels", "table", "--input", lake, "--output", table)
    assert made.output == f"120 labelled payments, 60 of them fraud, in {table}\n"
    columns = pq.read_table(table)
    assert columns["fraud"].to_pylist() == [0] * 60 + [1] * 60 and columns["amount"].to_pylist() == list(range(10, 130))
    assert not {"payer", "payee", "device", "id"} & set(columns.column_names)
    trained = await run(
        *("train", "--input", table, "--target", "fraud", "--time", "effective_time"),
        *("--output", tmp_path / "card.json", "--method", "logistic"),
    )
    assert trained.exit_code == 0, trained.output
    card = json.loads((tmp_path / "card.json").read_text())
    features = {each["feature"] for each in card["characteristics"]}
    assert features and features <= set(COLUMNS) - set(LEFT_OUT)
    # The card can decide payments: its features are columns that a decision sees.
    made_card = await switch.call("PUT", f"/v1/scorecards/{card['name']}", card)
    assert made_card.status == 201, made_card.raw
    (tmp_path / "carded.yaml").write_text(f"name: carded\nfallback: approve\ncard: {card['name']}@{card['version']}\n")
    taken = await switch.call("POST", "/v1/rule-packs/backtest", {"text": (tmp_path / "carded.yaml").read_text()})
    assert taken.status == 200, taken.raw
