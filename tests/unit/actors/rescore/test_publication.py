"""Scores reach a switch once over kills, and again where the switch has lost them; numbers that it would not take are refused."""

import dataclasses
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.rescore import publishing
from actors.rescore.job import RescoreRefused
from actors.rescore.output import PUBLISHED, Output
from actors.rescore.publication import Publication, Sent
from actors.rescore.run import Manifest
from tests.unit.actors.rescore.test_publishing import ROWS, finished, ids

HERE = "http://127.0.0.1:8080"
BATCH = 100
"""Rows; the files have 1,024, so a run of 2,500 has 27 batches."""


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> tuple[Output, Manifest]:
    return finished(tmp_path_factory.mktemp("job"), pa.array(ids(), pa.binary(16)))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "BATCH_ROWS", BATCH)


@dataclasses.dataclass
class Taking:
    """A switch of two shards as far as runs go: a journal has an entry for each wallet that a run scored, and the newest counts."""

    unknown: frozenset[bytes] = frozenset()
    kill_after: int | None = None
    """So many calls; the one after it is never answered."""
    promoted: dict[int, tuple[int, int]] = dataclasses.field(default_factory=dict)
    """Before which calls a standby was promoted, and how much of the journals it lacks."""
    timeline: int = 1
    calls: int = 0
    journals: tuple[list[tuple[bytes, int]], ...] = dataclasses.field(default_factory=lambda: ([], []))
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    @property
    def runs(self) -> dict[bytes, int]:
        return {wallet: run for journal in self.journals for wallet, run in journal}

    def call(self, table: pa.Table) -> pa.Table:
        with self.lock:
            return self.taken(table)

    def taken(self, table: pa.Table) -> pa.Table:
        self.calls += 1
        if self.kill_after is not None and self.calls > self.kill_after:
            raise KeyboardInterrupt
        if self.calls in self.promoted:
            self.lose(self.promoted[self.calls])
            self.timeline += 1
        runs, found = self.runs, []
        for row in table.select(["wallet", "run"]).to_pylist():
            wallet, run = row["wallet"], row["run"]
            if wallet in self.unknown:
                found.append(("wallet_not_found", False))
            elif runs.get(wallet, 0) > run:
                found.append(("run_superseded", False))
            else:
                found.append(("ok", runs.get(wallet) == run))
                if not found[-1][1]:
                    self.journals[wallet[-1] % 2].append((wallet, run))
        codes, replayed = zip(*found, strict=True)
        return pa.table({"code": codes, "replayed": replayed}, metadata={"timelines": str(self.timeline)})

    def lose(self, counts: tuple[int, int]) -> None:
        """The ends of the journals."""
        for journal, count in zip(self.journals, counts, strict=True):
            del journal[max(len(journal) - count, 0) :]


def holding(run: int, wallets: list[bytes]) -> Taking:
    switch = Taking()
    switch.journals[0].extend((wallet, run) for wallet in wallets)
    return switch


def sent(job: tuple[Output, Manifest], switch: Taking, run: int | None = 7, undone: int = 0, url: str = HERE) -> Sent:
    output, manifest = job
    return Publication(output, manifest, url, run, undone).send(switch.call, lambda _: None)


@pytest.mark.parametrize(
    "promoted", [{11: (200, 200)}, {2: (50, 50)}, {25: (0, 1_250)}, {11: (200, 200), 20: (900, 0)}]
)
def test_what_a_failover_lost_while_a_run_was_sent_is_sent_again(
    anew: Any, promoted: dict[int, tuple[int, int]]
) -> None:
    switch = Taking(promoted=promoted)
    found = sent(anew, switch)
    assert len(switch.runs) == ROWS == found.rows and found.codes == {"ok": ROWS} and found.replayed is None
    assert sent(anew, switch).rows == ROWS == len(switch.runs)


def test_a_batch_that_was_answered_on_two_timelines_is_sent_again(anew: Any) -> None:
    switch = Taking()

    def call(table: pa.Table) -> pa.Table:
        answer = switch.call(table)
        return answer.replace_schema_metadata({"timelines": "1 2"}) if switch.calls == 1 else answer

    output, manifest = anew
    found = Publication(output, manifest, HERE, 7).send(call, lambda _: None)
    assert found.rows == ROWS and found.replayed is None and switch.calls == ROWS // BATCH + 1


@pytest.fixture
def anew(job: tuple[Output, Manifest]) -> tuple[Output, Manifest]:
    job[0].folder.remove([PUBLISHED])
    return job


def test_a_run_that_is_published_is_not_sent_again_but_for_the_last_batches(anew: Any) -> None:
    switch = Taking()
    assert sent(anew, switch) == Sent(run=7, codes={"ok": ROWS}, replayed=0)
    calls = switch.calls
    for _ in range(2):
        assert sent(anew, switch) == Sent(run=7, codes={"ok": ROWS}, replayed=0)
        calls += publishing.UNDER_WAY
        assert switch.calls == calls
    assert sum(map(len, switch.journals)) == ROWS


def test_a_number_that_the_switch_knows_from_elsewhere_is_counted(anew: Any) -> None:
    switch = holding(7, ids()[:40])
    assert sent(anew, switch) == Sent(run=7, codes={"ok": ROWS}, replayed=40)
    assert sent(anew, switch) == Sent(run=7, codes={"ok": ROWS}, replayed=40), "and not more, the next time"


def test_a_switch_that_has_lost_everything_is_sent_everything(anew: Any) -> None:
    sent(anew, Taking())
    empty = Taking()
    assert sent(anew, empty).codes == {"ok": ROWS}
    assert empty.runs == dict.fromkeys(ids(), 7)


LOST = st.integers(0, ROWS // 2)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.tuples(LOST, LOST), st.sets(st.integers(0, ROWS - 1), max_size=3)), max_size=5
    ),
    st.booleans(),
)
def test_kills_and_losses_of_the_journals_ends_leave_no_wallet_out(
    job: tuple[Output, Manifest], tries: list[tuple[int, tuple[int, int], set[int]]], undo: bool
) -> None:
    job[0].folder.remove([PUBLISHED])
    switch, numbers = Taking(), (8, 7) if undo else (7, 0)
    for calls, lost, unknown in tries:
        switch.kill_after = switch.calls + calls
        switch.unknown = frozenset(ids()[at] for at in unknown)
        try:
            sent(job, switch, *numbers)
        except KeyboardInterrupt:
            pass
        switch.lose(lost)
    switch.kill_after, switch.unknown = None, frozenset()
    for _ in range(2):  # rows that nobody knew when they were sent are tried again by the next try
        found = sent(job, switch, *numbers)
    assert found.codes == {"ok": ROWS}
    assert switch.runs == dict.fromkeys(ids(), numbers[0])


class Refused(Exception):
    """As the client raises it where a key is not taken."""

    status, money_moved = 401, "no"


def test_a_key_that_is_refused_costs_nothing_of_what_was_answered_and_uses_no_number(anew: Any) -> None:
    def refuses(_: pa.Table) -> pa.Table:
        raise Refused

    switch, (output, manifest) = Taking(kill_after=20), anew
    for numbers in ((7, 0), (8, 7)):
        with pytest.raises(Refused):
            Publication(output, manifest, HERE, *numbers).send(refuses, lambda _: None)
        assert output.folder.read(PUBLISHED) == b"[]"
    with pytest.raises(KeyboardInterrupt):
        sent(anew, switch)
    noted = output.folder.read(PUBLISHED)
    for _ in range(2):
        with pytest.raises(Refused):
            Publication(output, manifest, HERE, 7).send(refuses, lambda _: None)
        assert output.folder.read(PUBLISHED) == noted
    switch.kill_after = None
    calls = switch.calls
    assert sent(anew, switch).codes == {"ok": ROWS} and switch.calls - calls < 14


def test_rows_that_were_not_taken_are_tried_again(anew: Any) -> None:
    switch = Taking(unknown=frozenset(ids()[5:9]))
    assert sent(anew, switch).codes == {"ok": ROWS - 4, "wallet_not_found": 4}
    switch.unknown = frozenset()
    assert sent(anew, switch) == Sent(run=7, codes={"ok": ROWS}, replayed=None)
    assert switch.runs == dict.fromkeys(ids(), 7)


def test_rows_of_a_later_run_are_not_tried_again(anew: Any) -> None:
    switch = holding(9, ids()[:1])
    found = {"run_superseded": 1, "ok": ROWS - 1}
    assert sent(anew, switch).codes == found
    calls = switch.calls
    assert sent(anew, switch).codes == found and switch.calls == calls + publishing.UNDER_WAY


def test_a_run_that_was_undone_is_not_published_on(anew: Any) -> None:
    switch = Taking(kill_after=5)
    with pytest.raises(KeyboardInterrupt):
        sent(anew, switch)
    sent(anew, Taking(), run=8, undone=7)
    with pytest.raises(RescoreRefused, match="run 7 was undone by run 8: take a number above it"):
        sent(anew, switch)
    with pytest.raises(RescoreRefused, match="run 8 has undone run 7 before: take a number"):
        sent(anew, switch, run=8)
    with pytest.raises(RescoreRefused, match="run 8 has undone run 7 before"):
        sent(anew, switch, run=8, undone=6)
    with pytest.raises(RescoreRefused, match="run 7 has published scores of this folder before"):
        sent(anew, switch, run=7, undone=6)
    assert sent(anew, Taking(), run=9).codes == {"ok": ROWS}
    sent(anew, Taking(), run=10, undone=8)
    with pytest.raises(RescoreRefused, match="run 8 was undone by run 10: take a number"):
        sent(anew, Taking(), run=8, undone=7)
    assert sent(anew, Taking(), url="http://127.0.0.1:9090/").codes == {"ok": ROWS}, (
        "another switch knows nothing of it"
    )


def test_other_scores_of_the_folder_are_not_taken_for_those_that_were_sent(
    anew: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = Taking()
    sent(anew, switch)
    other = finished(tmp_path, pa.array(ids(), pa.binary(16)), as_of=1_767_225_600_001)
    other[0].folder.write(PUBLISHED, anew[0].folder.read(PUBLISHED))
    with pytest.raises(
        RescoreRefused, match="run 7 has published scores of this folder before: take a number above it"
    ):
        sent(other, switch)
    assert sent(other, switch, run=8) == Sent(run=8, codes={"ok": ROWS}, replayed=0)


def test_who_names_no_run_goes_on_with_the_last_one_or_begins_one_above_all(anew: Any, tmp_path: Path) -> None:
    output, now, there = anew[0], int(time.time()), "http://127.0.0.1:9090"
    sent(anew, Taking(), run=7)
    sent(anew, Taking(), run=9, url=there)
    assert [sent(anew, Taking(), run=None, url=url).run for url in (HERE, f"{there}/")] == [7, 9]
    other = finished(tmp_path, pa.array(ids(), pa.binary(16)), as_of=1_767_225_600_001)
    other[0].folder.write(PUBLISHED, output.folder.read(PUBLISHED))
    assert now <= sent(other, Taking(), run=None).run <= now + 60, "other scores"
    late = now + 1_000
    sent(anew, Taking(), run=late, undone=7)
    assert sent(anew, Taking(), run=None).run == late + 1, "neither the run that was undone nor the number of the undo"


def test_a_run_is_chosen_under_the_lease_so_that_two_at_once_begin_one(anew: Any) -> None:
    output, manifest = anew
    first, second = (Publication(Output(output.folder), manifest, HERE, None) for _ in range(2))
    switch = Taking()
    runs = {each.send(switch.call, lambda _: None).run for each in (first, second)}
    assert len(runs) == 1 and set(switch.runs.values()) == runs


def test_notes_of_an_earlier_version_say_nothing(anew: Any) -> None:
    anew[0].folder.write(
        PUBLISHED, b'{"url":"http://127.0.0.1:8080","run":7,"undone":0,"parts":3,"rows":0,"codes":{"ok":2500}}'
    )
    switch = Taking()
    assert sent(anew, switch).codes == {"ok": ROWS} and switch.runs == dict.fromkeys(ids(), 7)


def test_notes_that_cannot_be_read_are_refused_and_kept(anew: Any) -> None:
    anew[0].folder.write(PUBLISHED, b"[{")
    with pytest.raises(RescoreRefused, match=r"published.json is not of this version: .*; without it everything is"):
        sent(anew, Taking())
    assert anew[0].folder.read(PUBLISHED) == b"[{"


def test_one_publication_at_a_time_works_on_a_folder(anew: Any) -> None:
    output, manifest = anew
    switch = Taking()
    refused: list[Any] = []

    def call(table: pa.Table) -> pa.Table:
        if not refused:
            with pytest.raises(RescoreRefused, match="is being written by process") as error:
                sent((Output(output.folder), manifest), Taking())
            refused.append(error)
        return switch.call(table)

    found = Publication(output, manifest, HERE, 7).send(call, lambda _: None)
    assert refused and found.codes == {"ok": ROWS}
