"""The catalogue: what an entry must say."""

from collections import Counter

import pytest

from models.credit.catalogue import FEATURES, digest, without
from models.credit.feature import DIMENSIONS, Feature
from models.prohibited import prohibited_word


def test_there_are_forty_features_and_more_over_five_dimensions_in_their_order() -> None:
    assert len(FEATURES) >= 40
    counts = Counter(feature.dimension for feature in FEATURES)
    assert set(counts) == set(DIMENSIONS) and min(counts.values()) >= 3
    assert [f.dimension for f in FEATURES] == sorted((f.dimension for f in FEATURES), key=DIMENSIONS.index)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_an_entry_is_complete(feature: Feature) -> None:
    assert feature.name.isidentifier() and feature.name == feature.name.lower()
    assert prohibited_word(feature.name) is None
    assert feature.meaning.endswith(".") and "SELECT" in feature.sql
    assert feature.unit != "basis points" or feature.unknown is None, "a share of nothing is missing"


def test_relations_can_be_left_out() -> None:
    left = without("relations")
    assert {feature.dimension for feature in left} == set(DIMENSIONS) - {"relations"}
    assert without(None) == FEATURES


def test_the_digest_names_the_definitions() -> None:
    assert len(digest()) == 16 and digest() == digest()
