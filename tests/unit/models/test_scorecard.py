"""A card gives the points its document says, and its hash names it."""

import json
from typing import Any

import pytest

from models.scorecard import (
    Band,
    CardError,
    Characteristic,
    Override,
    Scorecard,
    canonical,
    card_hash,
    flatten,
    parse,
)

CARD = Scorecard(
    name="card",
    version=3,
    characteristics=(Characteristic(feature="b", reason="LOW_B", edges=(10, 20), points=(1, 2, 4), missing=3),),
)


def test_an_unknown_feature_is_refused() -> None:
    with pytest.raises(ValueError, match="no feature is named 'b'"):
        flatten(CARD, {"a": 0})


@pytest.mark.parametrize(
    ("edges", "points", "message"),
    [((1, 2), (1, 2), "need 3 points"), ((2, 2), (1, 2, 3), "must increase"), ((3, 2), (1, 2, 3), "must increase")],
)
def test_a_malformed_characteristic_is_refused(edges: tuple[int, ...], points: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Characteristic(feature="a", reason="R", edges=edges, points=points, missing=0)


def test_canonical_text_and_hash_are_fixed_for_ever() -> None:
    assert canonical(CARD) == (
        b'{"name":"card","version":3,"characteristics":'
        b'[{"feature":"b","reason":"LOW_B","edges":[10,20],"points":[1,2,4],"missing":3}]}'
    )
    assert card_hash(CARD) == "5c254fffcd0e1c0ebf21c87da0f1a5cbd35977a59a4a22f81ae1ed5b0ac8724a"


FULL: dict[str, Any] = {
    "name": "full",
    "version": 2,
    "range": [350, 950],
    "base": 350,
    "characteristics": [
        {"feature": "late_90d", "reason": "LATE", "dimension": "history", "scale": 10, "edges": [1, 20]}
        | {"points": [400, 100, 0], "missing": 50},
        {"feature": "housing", "reason": "HOUSING", "dimension": "relations", "categories": [["own"], ["rent", "free"]]}
        | {"points": [200, 0], "missing": 10, "unknown": "error"},
    ],
    "bands": [{"name": "D", "low": 350}, {"name": "A", "low": 700}],
}


def changed(**changes: Any) -> bytes:
    """The full card with fields replaced; names with __ lead into characteristics."""
    document = json.loads(json.dumps(FULL))
    for path, value in changes.items():
        place, _, field = path.rpartition("__")
        target = document["characteristics"][int(place[1:])] if place else document
        if value is None:
            del target[field]
        else:
            target[field] = value
    return json.dumps(document).encode()


def test_a_whole_document_is_read_and_its_canonical_text_reads_the_same() -> None:
    card = parse(changed())
    assert (card.worst, card.best, card.dimensions, card.reasons) == (
        350,
        950,
        ("history", "relations"),
        ("LATE", "HOUSING"),
    )
    assert json.loads(canonical(card)) == FULL
    assert parse(canonical(card)) == card
    assert card_hash(parse(json.dumps(FULL, indent=4).encode())) == card_hash(card)


WRONG = {
    "name": (changed(name="../x"), "name", "letters"),
    "version": (changed(version=0), "version", "from 1"),
    "a field nobody knows": (changed(colour=1), "", "unknown field `colour`"),
    "a float for points": (
        changed(c0__points=[1, 2.5, 3]),
        "characteristics[0].points[1]",
        "Expected `int`, got `float`",
    ),
    "a missing field": (changed(c1__missing=None), "characteristics[1]", "missing required field `missing`"),
    "too few points": (changed(c0__points=[400, 0]), "characteristics[0].points", "2 edges need 3 points, not 2"),
    "edges": (changed(c0__edges=[20, 20]), "characteristics[0].edges[1]", "must increase, and 20 follows 20"),
    "an edge too far": (changed(c0__edges=[1, 2**62]), "characteristics[0].edges", "within"),
    "scale": (changed(c0__scale=0), "characteristics[0].scale", "1 to 1,000,000,000"),
    "points too large": (changed(c0__points=[10**7, 0, 0]), "characteristics[0].points", "within"),
    "unknown number": (changed(c0__unknown=3), "characteristics[0].unknown", "only categories"),
    "unknown unstated": (changed(c1__unknown=None), "characteristics[1].unknown", "say what an unseen category gets"),
    "groups": (changed(c1__points=[1, 2, 3]), "characteristics[1].points", "2 groups need 2 points, not 3"),
    "twice": (
        changed(c1__categories=[["own"], ["own"]]),
        "characteristics[1].categories[1][0]",
        "stands in two places",
    ),
    "an empty group": (changed(c1__categories=[["own"], []]), "characteristics[1].categories[1]", "without categories"),
    "both kinds": (changed(c1__edges=[3]), "characteristics[1].edges", "either edges or categories"),
    "neither kind": (changed(c0__edges=None), "characteristics[0].edges", "either edges or categories"),
    "an empty reason": (changed(c0__reason=""), "characteristics[0].reason", "1 to 128 characters"),
    "half of the dimensions": (
        changed(c1__dimension=None),
        "characteristics[1].dimension",
        "every characteristic or none",
    ),
    "range": (changed(range=[300, 950]), "range", "worst and best case give 350 and 950, not [300, 950]"),
    "missing beyond the range": (changed(c0__missing=401), "range", "give 350 and 951"),
    "bands begin": (changed(bands=[{"name": "D", "low": 400}]), "bands", "first band begins at 350"),
    "bands fall": (
        changed(bands=[{"name": "D", "low": 350}, {"name": "A", "low": 350}]),
        "bands[1].low",
        "bands must increase",
    ),
    "bands without a range": (changed(range=None), "bands", "bands need a range"),
    "a prohibited input": (
        changed(c1__feature="maritalStatus"),
        "characteristics[1].feature",
        "prohibited input (marital)",
    ),
    "an idle override": (
        changed(overrides=[{"feature": "sex", "because": "x"}]),
        "overrides",
        "no characteristic uses sex",
    ),
    "not JSON": (b"{", "", "not JSON"),
    "not text": (b"\xff", "", "not JSON"),
    "too long": (b" " * (4 * 2**20 + 1), "", "at most"),
    "another kind for one feature": (
        changed(c1__feature="late_90d"),
        "characteristics[1].feature",
        "another scale or kind",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_by_its_path(case: str) -> None:
    text, field, message = WRONG[case]
    with pytest.raises(CardError) as caught:
        parse(text)
    assert caught.value.field == field
    assert message in caught.value.message
    assert str(caught.value) == (f"{field}: {caught.value.message}" if field else caught.value.message)


def test_a_prohibited_input_needs_an_override_that_says_why() -> None:
    item = Characteristic(feature="sex", reason="R", edges=(1,), points=(1, 2), missing=1)
    with pytest.raises(ValueError, match="prohibited"):
        Scorecard(name="c", version=1, characteristics=(item,), overrides=(Override(feature="sex", because="  "),))
    Scorecard(name="c", version=1, characteristics=(item,), overrides=(Override(feature="sex", because="an audit"),))


def test_bands_are_compared_in_order() -> None:
    card = parse(changed())
    assert card.bands == (Band(name="D", low=350), Band(name="A", low=700))
