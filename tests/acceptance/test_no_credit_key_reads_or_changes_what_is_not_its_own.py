"""Object-level authorisation of credit: ids of others, of both kinds, on every route that consents, decisions and orders have."""

import re
from typing import Any, NamedTuple

from switch.api.app import ROUTES
from switch.http.access import Access
from switch.http.times import now_ms, time_text
from tests.credit_scene import IN_A_WEEK, CreditScene, credit_scene
from tests.front_door import running_switch


class Probe(NamedTuple):
    """A call of Bob (a stranger who holds) or of the shop (one who sells), and what it must be answered; None: an empty list."""

    path: str
    body: Any
    bob: str | None
    shop: str | None


def _probes(
    scene: CreditScene, consent: str, receipt: str, order: str, case: str, review: str
) -> dict[tuple[str, str], Probe]:
    wallet, end = scene.ann_wallet, time_text(now_ms() + IN_A_WEEK)
    given = {"wallet": wallet, "scenario": "hotel", "merchant": "shop", "expires_at": end}
    made = {
        "receipt": receipt,
        "kind": "deposit_waived",
        "cap": 1,
        "currency": "EUR",
        "payee": scene.till,
        "number": "X",
        "introduction": "x",
    }
    orders, disputes, reviews = "/v1/credit/orders", "/v1/credit/disputes", "/v1/credit/reviews"
    bill = {"items": [{"name": "x", "amount": 1}]}
    return {
        ("POST", "/v1/consents"): Probe("/v1/consents", given, "wallet_not_found", "forbidden"),
        ("GET", "/v1/consents"): Probe(f"/v1/consents?wallet={wallet}", None, "wallet_not_found", None),
        ("GET", "/v1/consents/{id}"): Probe(f"/v1/consents/{consent}", None, "consent_not_found", "consent_not_found"),
        ("DELETE", "/v1/consents/{id}"): Probe(f"/v1/consents/{consent}", None, "consent_not_found", "forbidden"),
        ("POST", "/v1/credit/decisions"): Probe(
            "/v1/credit/decisions", {"wallet": wallet, "scenario": "travel"}, "forbidden", "forbidden"
        ),
        ("GET", "/v1/credit/decisions/{receipt}"): Probe(
            f"/v1/credit/decisions/{receipt}", None, "receipt_not_found", "receipt_not_found"
        ),
        ("GET", "/v1/wallets/{id}/credit/inquiries"): Probe(
            f"/v1/wallets/{wallet}/credit/inquiries", None, "wallet_not_found", "forbidden"
        ),
        ("GET", "/v1/wallets/{id}/credit"): Probe(
            f"/v1/wallets/{wallet}/credit", None, "wallet_not_found", "forbidden"
        ),
        ("GET", "/v1/wallets/{id}/credit/history"): Probe(
            f"/v1/wallets/{wallet}/credit/history", None, "wallet_not_found", "forbidden"
        ),
        ("GET", "/v1/wallets/{id}/credit/points"): Probe(
            f"/v1/wallets/{wallet}/credit/points", None, "wallet_not_found", "forbidden"
        ),
        ("POST", "/v1/wallets/{id}/credit/what-if"): Probe(
            f"/v1/wallets/{wallet}/credit/what-if", {"changes": {}}, "wallet_not_found", "forbidden"
        ),
        ("POST", disputes): Probe(disputes, {"entry": order, "text": "x"}, "entry_not_found", "forbidden"),
        ("GET", disputes): Probe(f"{disputes}?wallet={wallet}", None, "wallet_not_found", None),
        ("GET", f"{disputes}/{{id}}"): Probe(f"{disputes}/{case}", None, "case_not_found", "case_not_found"),
        ("POST", f"{disputes}/{{id}}/answer"): Probe(
            f"{disputes}/{case}/answer", {"outcome": "kept", "text": "x"}, "forbidden", "case_not_found"
        ),
        ("POST", reviews): Probe(reviews, {"receipt": receipt, "text": "x"}, "receipt_not_found", "forbidden"),
        ("GET", reviews): Probe(f"{reviews}?wallet={wallet}", None, "wallet_not_found", None),
        ("GET", f"{reviews}/{{id}}"): Probe(f"{reviews}/{review}", None, "case_not_found", "case_not_found"),
        ("GET", "/v1/wallets/{id}/data"): Probe(f"/v1/wallets/{wallet}/data", None, "wallet_not_found", "forbidden"),
        ("DELETE", "/v1/wallets/{id}/profile"): Probe(
            f"/v1/wallets/{wallet}/profile", None, "wallet_not_found", "forbidden"
        ),
        ("POST", orders): Probe(orders, made, "forbidden", "receipt_not_found"),
        ("GET", orders): Probe(f"{orders}?wallet={wallet}", None, "wallet_not_found", None),
        ("GET", f"{orders}/{{id}}"): Probe(f"{orders}/{order}", None, "order_not_found", "order_not_found"),
        ("POST", f"{orders}/{{id}}/modify"): Probe(
            f"{orders}/{order}/modify", {"cap": 1}, "forbidden", "order_not_found"
        ),
        ("POST", f"{orders}/{{id}}/complete"): Probe(
            f"{orders}/{order}/complete", bill, "forbidden", "order_not_found"
        ),
        ("POST", f"{orders}/{{id}}/cancel"): Probe(f"{orders}/{order}/cancel", {}, "forbidden", "order_not_found"),
        ("POST", f"{orders}/{{id}}/paid-elsewhere"): Probe(
            f"{orders}/{order}/paid-elsewhere", {}, "forbidden", "order_not_found"
        ),
        ("POST", f"{orders}/{{id}}/confirm"): Probe(f"{orders}/{order}/confirm", {}, "order_not_found", "forbidden"),
        ("POST", f"{orders}/{{id}}/pay"): Probe(f"{orders}/{order}/pay", {}, "order_not_found", "forbidden"),
    }


def _paths(path: str) -> list[str]:
    """A path, or one for each word that a part of it may be."""
    found = re.search(r"\{change:([^}]*)\}", path)
    return [path] if found is None else [path.replace(found[0], word) for word in found[1].split("|")]


async def test_ids_of_others_of_both_kinds_are_not_found_on_every_route(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        consent = (await scene.consent()).json["id"]
        receipt = (await scene.ask(amount=5_000)).json["receipt"]
        order = (await scene.order(receipt, cap=5_000)).json["id"]
        case = (await scene.post("/v1/credit/disputes", {"entry": order, "text": "No."}, scene.ann)).json["id"]
        review = (await scene.post("/v1/credit/reviews", {"receipt": receipt, "text": "No."}, scene.ann)).json["id"]
        probes = _probes(scene, consent, receipt, order, case, review)
        parties = {
            (route.method, path) for route in ROUTES if route.access is Access.PARTY for path in _paths(route.path)
        }
        assert set(probes) == parties
        for (method, _), probe in probes.items():
            for token, code in ((scene.bob, probe.bob), (scene.shop, probe.shop)):
                answer = await switch.call(method, probe.path, probe.body, key=None, token=token)
                assert answer.json.get("code") == code, (method, probe.path, answer.raw)
                assert code is not None or answer.json["data"] == []
                for secret in (consent, order, case, review):
                    assert secret.encode() not in answer.raw, "nor is it named"
        for token in (scene.ann, scene.bob, scene.inn, scene.shop):
            refused = await switch.call("POST", "/v1/scores/batch", token=token)
            assert refused.json["code"] == "forbidden", "nobody publishes a score of its own"
        assert (await scene.get(f"/v1/credit/orders/{order}", scene.ann)).json["status"] == "created"
        assert (await scene.get(f"/v1/consents/{consent}", scene.ann)).json["status"] == "active"
