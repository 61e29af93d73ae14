"""An endpoint's figures become metrics; what an operator should see to becomes a warning, and nothing else."""

import uuid
from typing import Any

from actors.stores.webhook_endpoints import EndpointFigures, EndpointState
from switch.views.webhook_metrics import FAILING_S, webhook_families, webhook_warnings

ID = uuid.UUID(int=5)


def figures(**fields: Any) -> EndpointFigures:
    values: dict[str, Any] = {
        "id": ID,
        "url": "https://a.example",
        "state": EndpointState.ENABLED,
        "delivered": 10,
        "failed": 2,
        "failing_s": None,
        "pending": 3,
        "dead": 4,
        "behind": 6,
        "unattended": False,
    }
    return EndpointFigures(**{**values, **fields})


def samples(*each: EndpointFigures) -> dict[str, float]:
    return {
        f"{sample.name}{','.join(sample.labels.values()).removeprefix(str(ID))}": sample.value
        for family in webhook_families(each)
        for sample in family.samples
    }


def test_each_figure_is_a_series_of_its_endpoint() -> None:
    assert samples(figures(failing_s=9.5)) == {
        "shardpay_webhook_attempts_total,delivered": 10,
        "shardpay_webhook_attempts_total,failed": 2,
        "shardpay_webhook_pending": 3,
        "shardpay_webhook_dead_letters": 4,
        "shardpay_webhook_behind_blocks": 6,
        "shardpay_webhook_failing_seconds": 9.5,
    }
    assert samples() == {}


def test_what_is_disabled_is_not_behind() -> None:
    found = samples(figures(state=EndpointState.DISABLED, failing_s=9.5))
    assert (found["shardpay_webhook_behind_blocks"], found["shardpay_webhook_failing_seconds"]) == (0, 0)


def test_warnings_name_the_endpoint_and_how_long() -> None:
    assert (
        webhook_warnings([figures(failing_s=FAILING_S - 1), figures(state=EndpointState.DISABLED, unattended=True)])
        == []
    )
    assert webhook_warnings([figures(failing_s=1_800.0)]) == [
        f"nothing has got through to webhook endpoint {ID} for 30 minutes"
    ]
    assert webhook_warnings([figures(state=EndpointState.FAILED, unattended=True)]) == [
        f"webhook endpoint {ID} was disabled: nothing got through"
    ]
    assert webhook_warnings([figures(unattended=True), figures(unattended=True)]) == ["no process sends webhooks"]
