"""Keys in the console: made, rotated and revoked by forms, shown once; and the log that says so."""

import asyncio
import re
import uuid

import pytest

from actors.stores.api_keys import Binding, KeyStore
from switch.http.auth import KEY_TTL_S
from tests.console.visitor import visitor
from tests.front_door import RunningSwitch

pytestmark = pytest.mark.asyncio(loop_scope="session")

_KEY = re.compile(r"sp_[0-9a-f]{32}_[\w-]{43}")


async def test_a_key_is_made_shown_once_rotated_and_revoked(switch: RunningSwitch) -> None:
    name = f"made-{uuid.uuid4().hex[:8]}"
    async with await visitor(switch) as visit:
        fields = {
            **await visit.fields("/console/keys", "/console/keys"),
            "name": name,
            "scope.read": "on",
            "life": "30",
        }
        seen = await visit.post("/console/keys", fields)
        assert seen.status == 201 and seen.headers["Cache-Control"] == "no-store", seen.text
        (key,) = set(_KEY.findall(seen.text))
        assert (await switch.call("GET", "/v1/rule-packs", token=key)).status == 200
        again = await visit.post("/console/keys", fields)
        assert again.status == 201 and "was sent before" in again.plain and not _KEY.search(again.text)
        listed = await visit.get("/console/keys")
        assert name in listed.plain and key not in listed.text
        identity = key.split("_")[1]
        made_end = (await switch.call("GET", f"/v1/keys/{uuid.UUID(identity)}")).json["expires_at"]
        assert made_end is not None
        place = f"/console/keys/{uuid.UUID(identity)}"
        (form,) = re.findall(
            rf'<form[^>]*action="{place}/rotate".*?</form>', (await visit.get("/console/keys")).text, re.DOTALL
        )
        (lives,) = re.findall(r'<select name="life".*?</select>', form)
        assert (
            re.findall(r'value="(\w*)"', lives) == ["as_before", "", "1", "30", "90", "365"] and "selected" not in lives
        )
        ends = {}
        for life in ("365", ""):
            renewed = await visit.submit("/console/keys", f"{place}/rotate", overlap_s="86400", life=life)
            (other,) = set(_KEY.findall(renewed.text))
            shown = await switch.call("GET", f"/v1/keys/{uuid.UUID(other.split('_')[1])}")
            ends[life] = shown.json["expires_at"]
        assert ends["365"] > made_end and ends[""] is None and "when it is revoked" in renewed.plain
        turned = await visit.submit("/console/keys", f"{place}/rotate", overlap_s="0", life="as_before")
        (next_key,) = set(_KEY.findall(turned.text))
        listed_keys = (await switch.call("GET", "/v1/keys?limit=100")).json["data"]
        listed_ends = {each["id"]: each["expires_at"] for each in listed_keys if each["name"] == name}
        assert listed_ends[str(uuid.UUID(next_key.split("_")[1]))] == made_end, "it ends when the old one would have"
        await asyncio.sleep(KEY_TTL_S + 0.05)
        assert (await switch.call("GET", "/v1/rule-packs", token=key)).status == 401
        assert (await switch.call("GET", "/v1/rule-packs", token=next_key)).status == 200
        place = f"/console/keys/{uuid.UUID(next_key.split('_')[1])}"
        gone = await visit.submit("/console/keys", f"{place}/revoke")
        assert (gone.status, gone.headers["Location"]) == (303, "/console/keys?done=revoked")
        await asyncio.sleep(KEY_TTL_S + 0.05)
        assert (await switch.call("GET", "/v1/rule-packs", token=next_key)).status == 401
        log = await visit.get("/console/admin-log?resource=/v1/keys&outcome=done")
        assert "POST /v1/keys/{id}/revoke" in log.plain and "console " in log.text and "Next page" not in log.plain
        calls = [
            each["call"] for each in (await visit.get("/console/admin-log.json?resource=/v1/keys")).json["log"]["data"]
        ]
        assert calls[:5] == ["POST /v1/keys/{id}/revoke", *["POST /v1/keys/{id}/rotate"] * 3, "POST /v1/keys"]
        assert key not in log.text and next_key not in log.text
        assert "Log of administrators" in (await visit.get("/console/audit")).plain


async def test_whose_key_makes_none_sees_no_form_and_a_bound_account_its_own_name(switch: RunningSwitch) -> None:
    store, suffix = KeyStore(switch.pool), uuid.uuid4().hex[:8]
    admin = await store.create(f"admin-{suffix}", ["admin"])
    shop = await store.create(f"shop-{suffix}", ["keys", "read"], Binding(owners=["shop"]))
    async with await visitor(switch, admin.key) as visit:
        seen = await visit.get("/console/keys")
        assert "Make a key" not in seen.plain and "Revoke</button>" not in seen.text
    async with await visitor(switch, shop.key) as visit:
        seen = await visit.get("/console/keys")
        assert f'value="shop-{suffix}" readonly' in seen.text and f"admin-{suffix}" not in seen.text
        fields = {**await visit.fields("/console/keys", "/console/keys"), "scope.admin": "on", "life": ""}
        refused = await visit.post("/console/keys", {**fields, "name": f"shop-{suffix}"})
        assert refused.status == 403 and "gives no more" in refused.plain
        assert (await visit.get("/console/admin-log")).status == 403
