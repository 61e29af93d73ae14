"""A page of 50 of a statement, and a balance at a time: of a wallet with millions of records as fast as of one with a hundred, and under
5 ms while Arrow batches run at full rate. In short with 20,000 records, and generously."""

from pathlib import Path

import pytest

from bench import history
from bench.figures import Figure
from bench.options import Options

GENEROUS = 3.0


def _measured(place: Path, *, quick: bool) -> dict[str, Figure]:
    figures = history.run(Options(work=place, say=print, quick=quick, rounds=1))
    for each in figures:
        print(f"{each.case}: {each.median:.2f} {each.unit}, aim {each.aim}")
    return {each.case: each for each in figures}


def _ratio(figures: dict[str, Figure], of: tuple[str, str]) -> float:
    return figures[" / ".join(f"{question}, {history.IDLE}" for question in of)].median


def test_twenty_thousand_records_cost_what_a_hundred_do(server_place: Path) -> None:
    figures = _measured(server_place, quick=True)
    for of in history.RATIOS:
        assert _ratio(figures, of) < GENEROUS


@pytest.mark.slow
def test_ten_million_records_cost_what_a_hundred_do_also_under_load(server_place: Path) -> None:
    figures = _measured(server_place, quick=False)
    for of in history.RATIOS:
        assert _ratio(figures, of) < history.RATIO_AIM
    for page in (history.LONG_PAGE, history.SHORT_PAGE):
        assert figures[f"{page}, {history.LOADED}"].aim_met, figures[f"{page}, {history.LOADED}"].median
