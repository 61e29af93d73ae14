"""The page of metrics has every family with its type, series and labels."""

from switch.http.metrics import BOUNDS_S, STEPS
from switch.reference.metrics import document, families

PAGE = document()


def test_every_family_has_a_section_and_a_name_of_ours() -> None:
    names = [family.name for family in families()]
    assert len(names) == len(set(names)) and all(name.startswith("shardpay_") for name in names)
    assert [line.removeprefix("## ") for line in PAGE.splitlines() if line.startswith("## shardpay")] == sorted(names)
    assert all(family.documentation.endswith(".") for family in families())


def test_series_are_those_that_are_scraped() -> None:
    section = PAGE.split("## shardpay_requests\n")[1].partition("\n## ")[0]
    assert "Type: counter. Series: `shardpay_requests_total`. Labels: `route`, `status`." in section
    for family in families():
        suffix = {"counter": "_total`", "histogram": "_bucket, _sum, _count`"}.get(family.type, "`")
        assert f"Series: `{family.name}{suffix}" in PAGE


def test_steps_and_bounds_are_those_that_are_measured() -> None:
    assert all(f"| `{step}` |" in PAGE for step in STEPS)
    assert PAGE.rstrip().endswith(f"in seconds: {', '.join(f'{bound:g}' for bound in BOUNDS_S)}.")
