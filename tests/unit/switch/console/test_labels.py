"""A label is put by its word, and any other word takes it back."""

from typing import Any

import pytest

from switch.console.labels import put_label
from tests.unit.switch.console.visiting import Answers, visit

PUT, DELETE = "PUT /v1/transfers/{id}/label", "DELETE /v1/transfers/{id}/label"


@pytest.mark.parametrize(
    ("word", "asked"),
    [
        ("fraud", (PUT, {"params": {"id": "p"}, "body": {"label": True}})),
        ("not-fraud", (PUT, {"params": {"id": "p"}, "body": {"label": False}})),
        ("no-label", (DELETE, {"params": {"id": "p"}})),
        ("", (DELETE, {"params": {"id": "p"}})),
    ],
)
async def test_a_label_is_put_or_taken_back(word: str, asked: Any) -> None:
    api = Answers({PUT: {}, DELETE: {}})
    await put_label(visit(api), "p", word)
    assert api.asked == [asked]
