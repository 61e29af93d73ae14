"""Who asks without a consent learns nothing: no consent, another's, an ended one, a wallet without a score, one that does not exist."""

import asyncio
import uuid
from typing import Any

import pytest

from actors.records.codes import Code
from tests.credit_scene import CreditScene, credit_scene
from tests.front_door import Answer, running_switch


def without_receipt(answer: Answer) -> tuple[int, bytes, list[str]]:
    """All of an answer that a client sees, but the receipt and the date."""
    names = sorted(name for name in answer.headers if name not in ("Date", "Location"))
    return answer.status, answer.raw.replace(answer.json["receipt"].encode(), b"receipt"), names


async def _forged(scene: CreditScene) -> list[Answer]:
    """Questions about wallets of nobody: invented, of another cluster, and one of the switch's own."""
    bank = await scene.switch.wallet("external")
    invented = str(uuid.uuid4())
    other = scene.ann_wallet[:-1] + ("0" if scene.ann_wallet[-1] != "0" else "1")
    return [await scene.ask(wallet) for wallet in (invented, other, bank)]


async def test_every_refusal_has_the_same_bytes_and_headers_and_each_is_logged(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        answers = [await scene.ask(), *await _forged(scene)]
        await scene.consent(scenario="travel")
        answers.append(await scene.ask())  # another scenario
        await scene.consent(merchant="shop")
        answers.append(await scene.ask())  # another merchant
        given = (await scene.consent()).json
        assert (await scene.ask()).json["result"] == "yes"
        assert (await scene.delete(f"/v1/consents/{given['id']}", scene.ann)).json["status"] == "withdrawn"
        answers.append(await scene.ask())  # withdrawn
        await scene.consent(wallet=scene.bob_wallet)
        answers.append(await scene.ask(scene.bob_wallet))  # no score
        assert len({answer.json["receipt"] for answer in answers}) == len(answers)
        (same,) = {(status, raw, tuple(names)) for status, raw, names in map(without_receipt, answers)}
        assert (same[0], answers[0].json["result"]) == (201, "not_available")
        mine = (await scene.get(f"/v1/wallets/{scene.ann_wallet}/credit/inquiries", scene.ann)).json["data"]
        causes = [each["cause"] for each in mine]
        assert causes == ["no_consent", "decided", "no_consent", "no_consent", "no_consent"], "newest first"
        (bobs,) = (await scene.get(f"/v1/wallets/{scene.bob_wallet}/credit/inquiries", scene.bob)).json["data"]
        assert (bobs["cause"], bobs["merchant"], bobs["result"]) == ("not_scored", "inn", "not_available")


async def test_afterwards_the_merchant_still_sees_no_more_than_it_was_told(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        for answer in (await scene.ask(), await scene.ask(str(uuid.uuid4()))):
            again = await scene.get(f"/v1/credit/decisions/{answer.json['receipt']}", scene.inn)
            assert again.raw == answer.raw


async def test_questions_at_once_take_no_longer_where_there_is_a_wallet(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is recorded in the holder's chain: one that had to be looked at again when another came between would tell that there is one."""
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        codes: list[int] = []

        def watched(ask: Any) -> Any:
            async def credit(rows: Any, details: Any) -> Any:
                results = await ask(rows, details)
                codes.extend(results["code"].tolist())
                return results

            return credit

        for client in switch.clients:
            monkeypatch.setattr(client, "credit", watched(client.credit))
        answers = await asyncio.gather(*(scene.ask() for _ in range(8)))
        assert {answer.json["result"] for answer in answers} == {"not_available"}
        assert codes == [Code.OK] * 8


async def test_a_closed_wallet_is_none_that_can_be_asked_about(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        await scene.consent()
        assert (await switch.call("POST", f"/v1/wallets/{scene.ann_wallet}/close", {})).status == 200
        assert (await scene.ask()).json["result"] == "not_available"
