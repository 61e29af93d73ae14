"""A page of 50 of a statement, and a balance at a time: of a wallet with millions of records as fast as of one with a hundred, and under
5 ms while Arrow batches run at full rate."""

from pathlib import Path

import pytest

from bench.measures import history
from bench.report.options import Options


@pytest.mark.slow
def test_ten_million_records_cost_what_a_hundred_do_also_under_load(server_place: Path) -> None:
    figures = {each.case: each for each in history.run(Options(work=server_place, say=print, rounds=1))}
    for each in figures.values():
        print(f"{each.case}: {each.median:.2f} {each.unit}, aim {each.aim}")
    for of in history.RATIOS:
        assert figures[" / ".join(f"{question}, {history.IDLE}" for question in of)].median < history.RATIO_AIM
    for page in (history.LONG_PAGE, history.SHORT_PAGE):
        assert figures[f"{page}, {history.LOADED}"].aim_met, figures[f"{page}, {history.LOADED}"].median
