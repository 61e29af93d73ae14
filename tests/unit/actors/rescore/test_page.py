"""The page needs nothing else, shows what the report says, and takes no text of anybody's for markup."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.rescore.outcomes import Outcomes, Week
from actors.rescore.page import page, write_report
from actors.rescore.report import Against, Mover, ReportInputs, RescoreReport, report_of
from tests.rescore_files import write_wallets
from tests.unit.actors.rescore.jobs import CARD, output_at, prepared, rescore

HOSTILE = '<script>alert("x")</script>&'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RescoreReport:
    folder = tmp_path_factory.mktemp("page")
    manifest = rescore(prepared(write_wallets(folder / "in", 600, 1, 600), folder / "out"))
    return report_of(CARD, output_at(folder / "out"), manifest, ReportInputs())


def with_(report: RescoreReport, **changes: Any) -> RescoreReport:
    return msgspec.structs.replace(report, **changes)


def against(psi: float | None, migration: list[list[int]] | None = None) -> Against:
    mover = Mover(wallet=HOSTILE, before=500, now=620)
    card = {"name": HOSTILE, "version": 1, "hash": "00"}
    places = ["good", "without a score", "not there"]
    return Against(
        card=card,
        as_of=None,
        psi=psi,
        why_no_psi="nobody came" if psi is None else None,
        psi_of_bands=None,
        step=1,
        mean=None if psi is None else 600.0,
        places=places,
        migration=migration,
        matched=7,
        repeated_wallets=2,
        risers=[mover],
        fallers=[],
    )


class _Tags(HTMLParser):
    """Whether tags are closed as they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _checked(text: str) -> str:
    tags = _Tags()
    tags.feed(text.removeprefix("<!doctype html>"))
    assert tags.open == [] and not tags.seen & {"script", "link", "img", "iframe"}
    assert not re.search(r"""(?:src|href)=|url\(|@import""", text), "it loads nothing"
    return text


def test_the_page_shows_the_figures_of_the_report_and_is_the_same_each_time(made: RescoreReport) -> None:
    text = _checked(page(made))
    assert f"{made.scored:,} + {made.bad:,} + {made.not_available:,}" in text and f"{made.mean:.1f}" in text
    assert text.count("<rect ") == len(made.distribution)
    for band in made.bands:
        assert f"<td>{band.name}</td><td>{band.rows:,}</td><td>{band.share:.2%}</td><td>-</td>" in text
    for each in made.reasons:
        assert f"<td>{each.code}</td><td>{each.first:,}</td>" in text
    assert page(made) == text


def test_texts_of_cards_and_wallets_are_no_markup(made: RescoreReport) -> None:
    report = with_(
        made,
        card={"name": HOSTILE, "version": 1, "hash": HOSTILE},
        causes={HOSTILE: 3},
        unknown={HOSTILE: 4},
        against=against(0.1, [[1, 2, 3]] * 3),
    )
    text = _checked(page(report))
    assert HOSTILE not in text and text.count("&lt;script&gt;") >= 6


@pytest.mark.parametrize(
    ("psi", "verdict"),
    [
        (0.0, "no change to speak of"),
        (0.0999, "no change"),
        (0.1, "a change to look into"),
        (0.2499, "a change to look into"),
        (0.25, "another population or another card"),
    ],
)
def test_psi_is_put_into_words_by_the_rule_of_thumb(made: RescoreReport, psi: float, verdict: str) -> None:
    assert f"{psi:.4f}: {verdict}" in _checked(page(with_(made, against=against(psi))))


def test_where_nothing_can_be_compared_the_page_says_why(made: RescoreReport) -> None:
    text = _checked(page(with_(made, against=against(None))))
    assert "not known: nobody came" in text and "no change" not in text and "<td>Mean before</td><td>-</td>" in text


def test_moves_are_shown_where_wallets_were_matched(made: RescoreReport) -> None:
    without = _checked(page(with_(made, against=against(0.0))))
    assert "no moves" in without and "rose most" not in without.lower()
    assert "more than once" not in without
    assert "<td>Wallets that come more than once</td><td>1,234</td>" in page(with_(made, repeated_wallets=1_234))
    shown = _checked(page(with_(made, against=against(0.0, [[11, 0, 0], [0, 22, 0], [0, 0, 3_333]]))))
    assert "<td>not there</td><td>0</td><td>0</td><td>3,333</td>" in shown
    assert "Rose most" in shown and "<td>500</td><td>620</td><td>+120</td>" in shown


def test_outcomes_of_too_few_are_not_shown_as_numbers(made: RescoreReport) -> None:
    weeks = [Week(week="2026-W01", rows=90, bads=20, gini=0.5), Week(week="2026-W02", rows=3, bads=1, gini=None)]
    outcomes = Outcomes(rows=93, bads=21, without_score=2, gini=0.25, ks=None, weeks=weeks)
    text = _checked(page(with_(made, outcomes=outcomes)))
    assert "<td>Gini, KS</td><td>0.2500, too few</td>" in text
    assert "<td>2026-W02</td><td>3</td><td>1</td><td>too few</td>" in text and "0.5000" in text


def test_a_report_of_nobody_has_a_page(made: RescoreReport) -> None:
    nobody: dict[str, Any] = {
        "rows": 0,
        "scored": 0,
        "lowest": None,
        "highest": None,
        "quantiles": {},
        "distribution": [],
        "mean": None,
    }
    text = _checked(page(with_(made, **nobody)))
    assert "0 + " in text and "<td>Mean, lowest, highest</td><td>-, -, -</td>" in text and "None" not in text


def test_both_files_say_the_same(tmp_path: Path) -> None:
    manifest = rescore(prepared(write_wallets(tmp_path / "in", 100, 1, 100), tmp_path / "out"))
    made = write_report(CARD, output_at(tmp_path / "out"), manifest, ReportInputs())
    assert msgspec.json.decode((tmp_path / "out" / "report.json").read_bytes(), type=RescoreReport) == made
    assert (tmp_path / "out" / "report.html").read_text() == page(made)
