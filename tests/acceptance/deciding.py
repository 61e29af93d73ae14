"""A load that keeps what was decided of every payment, and publishes packs meanwhile."""

import re
import urllib.request
from typing import Any

from tests.acceptance.load import Load, Payment


class Deciding(Load):
    """`decided`: of each payment that was answered, in the order of the answers, the decision and the time it was begun at."""

    def __init__(self, url: str, seed: int, wallets: int = 40) -> None:
        super().__init__(url, seed, wallets)
        self.decided: dict[str, tuple[int, dict[str, Any]]] = {}
        self.moment = 0

    async def send(self, payment: Payment) -> Any:
        """As `Load.send`; the first answer's decision is kept."""
        begun = self.moment
        answer = await super().send(payment)
        assert answer["decision"] is not None, answer
        self.decided.setdefault(payment.key, (begun, answer["decision"]))
        return answer

    async def publish(self, name: str, text: str, mode: str) -> dict[str, Any]:
        """A new version of a pack, deployed; gives the answer."""
        status, made = await self.call("PUT", f"/v1/rule-packs/{name}", {"text": text})
        assert status in (200, 201), made
        status, deployed = await self.call("POST", f"/v1/rule-packs/{name}/mode", {"mode": mode})
        assert status == 200, deployed
        answer: dict[str, Any] = deployed
        return answer


def metric(url: str, name: str) -> float:
    """One number of /metrics."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        found = re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.MULTILINE)
    assert found is not None, f"there is no {name}"
    return float(found[1])
