"""Rule packs of one rule, published over HTTP."""

from typing import Any

from tests.front_door import RunningSwitch

YAML = {"Content-Type": "application/yaml"}


def pack(name: str, rule: str = "amount >= 1000", action: str = "decline", reason: str = "BIG", **more: str) -> bytes:
    """A pack with one rule."""
    fields = "".join(f"{field}: {value}\n" for field, value in {"fallback": "approve", **more}.items())
    rule = f"rules:\n  - id: big\n    when: {rule}\n    action: {action}\n    reason: {reason}\n"
    return f"name: {name}\n{fields}{rule}".encode()


async def published(switch: RunningSwitch, name: str, text: bytes, **headers: str) -> Any:
    answer = await switch.call("PUT", f"/v1/rule-packs/{name}", data=text, headers={**YAML, **headers})
    assert answer.status in (200, 201), answer.raw
    return answer


async def moded(switch: RunningSwitch, name: str, **body: Any) -> Any:
    answer = await switch.call("POST", f"/v1/rule-packs/{name}/mode", body)
    assert answer.status == 200, answer.raw
    return answer.json


async def payers(switch: RunningSwitch, count: int = 1) -> tuple[str, list[str]]:
    """A bank, and wallets with money."""
    bank = await switch.wallet("external")
    wallets = [await switch.wallet() for _ in range(count)]
    for wallet in wallets:
        assert (await switch.pay(bank, wallet, 100_000)).status == 201
    return bank, wallets
