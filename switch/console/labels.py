"""Labels: what people say of a payment afterwards."""

from typing import Final

from switch.console.page import Visit, Wanted

LABEL: Final = "/v1/transfers/{id}/label"
LABELS: Final = {"fraud": True, "not-fraud": False}


async def put_label(visit: Visit, identity: str, name: str) -> None:
    """Label a payment `fraud` or `not-fraud`, with any other name take its label back. Raises ProblemError."""
    if name in LABELS:
        await visit.send(Wanted(method="PUT", path=LABEL, params={"id": identity}, body={"label": LABELS[name]}))
    else:
        await visit.send(Wanted(method="DELETE", path=LABEL, params={"id": identity}))
