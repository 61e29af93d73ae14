"""The page of features has each in its dimension, with its unit and window, and its SQL."""

from models.credit.catalogue import FEATURES
from models.credit.feature import DIMENSIONS
from models.credit.views import VIEWS
from switch.reference.features import _row, document

PAGE = document()


def test_each_feature_has_its_line_in_its_own_dimension_and_its_query() -> None:
    sections = PAGE.split("\n## ")
    by_title = {section.partition("\n")[0]: section for section in sections}
    for feature in FEATURES:
        assert f"| `{feature.name}` | {feature.unit} |" in by_title[feature.dimension.capitalize()]
        assert f"### {feature.name}\n\n```sql\n{feature.sql.strip()}\n```" in by_title["SQL"]
    assert set(DIMENSIONS) <= {title.lower() for title in by_title}


def test_what_is_not_known_is_missing_or_its_number() -> None:
    shown = {_row(feature)[3] for feature in FEATURES}
    assert "missing" in shown and shown - {"missing"} <= {str(feature.unknown) for feature in FEATURES}


def test_tables_that_queries_read_are_made_before_them() -> None:
    first_query = PAGE.index("### ")
    for name in VIEWS:
        assert PAGE.index(f"CREATE TEMP TABLE {name} AS") < first_query
