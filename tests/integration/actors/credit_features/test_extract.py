"""Features of random journals, which hold every sort of record in every state: DuckDB's answers to the catalogue's SQL over the export are
the same, of every wallet, and files from the journal are those from the export, to the byte."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from actors.database.connection import connect
from actors.export.export import Job, export
from actors.export.reader import Export
from actors.records.addresses import record_address, wallet_address
from actors.records.codes import Code
from actors.records.credit_layout import Resolution
from actors.records.layout import (
    BLOCK_RECORDS_MAX,
    FLAG_IMPORTED,
    FLAG_REMOTE,
    FLAG_REVIEW,
    FLAG_SUSPENSE,
    MOVEMENTS,
    Kind,
    Records,
    WalletStatus,
)
from actors.stores.topology import cluster_facts
from models.credit.catalogue import FEATURES
from rules.vocabulary.encodings import Channel, Label, WalletKind, country_number
from switch.cli.main import cli
from tests.feature_sql import computed, differences
from tests.journal_rows import journal, record

DAY = 86_400_000
AS_OF = 1_795_521_600_000
"""2026-11-24T12:00:00Z."""
SHARDS = 2
USERS = 12
EXTERNAL = 1024
PAYMENTS = 700
ORDERS = 60
DISPUTES = 25
SCORES = 24
"""Of each shard."""
LATER = 2
"""The number of the wallet that is opened later."""
SAME_MAX = 3
"""Features that chance may leave equal for all wallets of one journal."""
CODES = (*[Code.OK] * 12, Code.DECLINED, Code.INSUFFICIENT_FUNDS, Code.DAILY_LIMIT_EXCEEDED)


class Random:
    """A shard's records, drawn from a seed: times before and after AS_OF and at the edges of windows, in no order."""

    def __init__(self, seed: int, shard: int) -> None:
        self.rng = np.random.default_rng([seed, shard])
        self.shard = shard

    def pick(self, *choices: Any) -> Any:
        return choices[self.rng.integers(len(choices))]

    def time(self) -> int:
        if self.rng.random() < 0.2:
            edge = AS_OF - DAY * self.pick(0, 30, 60, 90, 180, 360)
            return int(edge + self.pick(-1, 0, 1))
        return int(AS_OF - self.rng.integers(-20 * DAY, self.pick(10, 100, 200, 500) * DAY))

    def wallets(self, shard: int) -> list[int]:
        return [wallet_address(segment, slot) for segment in (1 + shard, 11 + shard) for slot in range(USERS // 2)]

    def records(self) -> list[Records]:
        made = [record(Kind.WALLET_OPENED, payee=EXTERNAL, label=int(WalletKind.EXTERNAL))]
        other = self.wallets(1 - self.shard)
        made += [self.opened(wallet, at, Kind.WALLET_OPENED) for at, wallet in enumerate(self.wallets(self.shard))]
        made += [self.opened(wallet, at, Kind.PROFILE) for at, wallet in enumerate(other)]
        made += [self.any(other) for _ in range(PAYMENTS)]
        for order in range(ORDERS):
            made += self.order(self.pick(*self.wallets(self.shard)), 1 + order)
        for _ in range(DISPUTES):
            made += self.dispute(made)
        self.scores(made)
        return made

    def scores(self, made: list[Records]) -> None:
        """Scores, one after another, and what makes some of them count no more; `made`: all that is before them."""
        places: list[int] = []
        for time in sorted(self.time() for _ in range(SCORES)):
            chance, fields = self.rng.random(), {"record_time": time, "effective_time": time}
            if chance < 0.6 or not places:
                places.append(len(made))
                fields |= {"payer": self.pick(*self.wallets(self.shard)), "points": self.pick(0, 450, 599, 600, 820)}
                made.append(record(Kind.SCORE, **{**fields, "effective_time": self.time()}))
                continue
            at = self.pick(*places[-3:])
            fields["payer"] = int(made[at]["payer"][0])
            if chance < 0.7:
                made.append(record(Kind.DATA_ERASED, **fields))
                continue
            case = self.address(len(made))
            made.append(record(Kind.DISPUTE_OPENED, reference=self.address(at), **fields))
            resolution = int(self.pick(Resolution.DELETED, *Resolution))
            made.append(record(Kind.DISPUTE_RESOLVED, reference=case, decision=resolution, **fields))

    def order(self, holder: int, order: int) -> list[Records]:
        """What becomes of a service order, to its end or not."""
        kinds = [Kind.ORDER_CREATED, Kind.ORDER_CONFIRMED, Kind.ORDER_COMPLETED]
        kinds += self.pick(
            [Kind.ORDER_PAID],
            [Kind.ORDER_ATTEMPT, Kind.ORDER_OVERDUE],
            [Kind.ORDER_ATTEMPT, Kind.ORDER_OVERDUE, self.pick(Kind.ORDER_PAID, Kind.ORDER_PAID_ELSEWHERE)],
            [Kind.ORDER_OVERDUE, Kind.ORDER_DEFAULTED],
            [Kind.ORDER_OVERDUE, Kind.ORDER_DEFAULTED, Kind.ORDER_CURED],
            [Kind.ORDER_OVERDUE, Kind.ORDER_DEFAULTED, Kind.ORDER_WRITTEN_OFF],
            [],
        )
        amount = int(self.rng.integers(0, self.pick(100, 10_000, 1 << 50)))
        time = self.time()
        made = []
        for kind in kinds:
            time += int(self.rng.integers(0, 20 * DAY))
            made.append(record(kind, payer=holder, reference=order, amount=amount, effective_time=time))
        return made

    def dispute(self, made: list[Records]) -> list[Records]:
        """A dispute of an order, or of its being overdue or defaulted, and what became of it; `made`: all that is before it."""
        kinds = {int(Kind.ORDER_COMPLETED), int(Kind.ORDER_OVERDUE), int(Kind.ORDER_DEFAULTED)}
        at = self.pick(*(i for i, each in enumerate(made) if int(each["kind"][0]) in kinds))
        entry = made[at][0]
        whole = entry["kind"] == Kind.ORDER_COMPLETED or self.rng.random() < 0.3
        about = int(entry["reference"]) if whole else self.address(at)
        fields = {"payer": int(entry["payer"]), "effective_time": int(entry["effective_time"])}
        case = self.address(len(made))
        steps = [record(Kind.DISPUTE_OPENED, reference=about, **fields)]
        for kind in (Kind.DISPUTE_FORWARDED, Kind.DISPUTE_RESOLVED, Kind.DISPUTE_REINSERTED)[: self.pick(1, 2, 2, 3)]:
            fields["effective_time"] += int(self.rng.integers(0, 20 * DAY))
            resolution = int(self.pick(*Resolution)) if kind == Kind.DISPUTE_RESOLVED else 0
            steps.append(record(kind, reference=case, decision=resolution, **fields))
        return steps

    def address(self, at: int) -> int:
        """Of a record by its place: block 1 has one record, those after it 50 each."""
        return int(record_address(self.shard, 2 + at // BLOCK_RECORDS_MAX, at % BLOCK_RECORDS_MAX))

    def opened(self, wallet: int, number: int, kind: Kind) -> Records:
        """A wallet's opening, or what is told of it to another shard; of a merchant after AS_OF, though it was paid before."""
        label = WalletKind.MERCHANT if number % 3 == LATER else WalletKind.USER
        time = AS_OF + DAY if number == LATER else AS_OF - (510 + number) * DAY
        return record(kind, payee=wallet, label=int(label), decision=number % 4, effective_time=time)

    def any(self, other: list[int]) -> Records:
        own = self.wallets(self.shard)
        wallet, time = self.pick(*own), self.time()
        chance = self.rng.random()
        if chance < 0.02:
            return record(Kind.WALLET_TIER, payee=wallet, decision=self.pick(0, 1, 2, 3), effective_time=time)
        if chance < 0.04:
            return record(Kind.WALLET_STATUS, payee=wallet, channel=int(self.pick(*WalletStatus)), effective_time=time)
        fields = {
            "payer": wallet,
            "amount": int(self.rng.integers(1, self.pick(100, 10_000, 1 << 40))),
            "label": int(self.pick(*Label)),
            "effective_time": time,
        }
        if chance < 0.2:
            flags = FLAG_SUSPENSE if chance < 0.06 else 0
            fields |= {"payer": self.pick(*other), "payee": wallet, "reference": 1, "flags": flags}
            return record(Kind.LEG, decision=int(self.pick(*MOVEMENTS)), **fields)
        return self.payment(fields, own, other)

    def payment(self, fields: dict[str, int], own: list[int], other: list[int]) -> Records:
        kind = self.pick(*[Kind.TRANSFER] * 6, Kind.HOLD, Kind.CAPTURE, Kind.REFUND, Kind.VOID)
        payee = self.pick(*[EXTERNAL] * 12, *(wallet for wallet in own if wallet != fields["payer"]), *other)
        flags = FLAG_REMOTE if payee in other else self.pick(0, FLAG_IMPORTED)
        if payee == EXTERNAL and self.rng.random() < 0.6:
            fields["payer"], payee = payee, fields["payer"]
        if kind in (Kind.TRANSFER, Kind.HOLD):
            fields |= {"code": int(self.pick(*CODES)), "channel": int(self.pick(*Channel))}
            fields["device"] = self.pick(0, int(self.rng.integers(1, 9)), (1 << 32) - 1)
            fields["country"] = self.pick(0, *(country_number(f"{letter}E") for letter in "ABCDEFGHIJKLMNOP"))
            flags |= FLAG_REVIEW if kind == Kind.HOLD and self.rng.random() < 0.5 else 0
        return record(kind, payee=payee, reference=int(kind not in (Kind.TRANSFER, Kind.HOLD)), flags=flags, **fields)


@pytest.fixture
async def lake(database_url: str, tmp_path: Path) -> Path:
    """The export of two shards' journals."""
    seed = int(np.random.default_rng().integers(1 << 31))
    print(f"seed {seed}")
    await cluster_facts(database_url, SHARDS)
    connection = await connect(database_url, name="test")
    for shard in range(SHARDS):
        blocks = journal(shard, [record(Kind.OPEN, key_hi=7)], Random(seed, shard).records())
        rows = [(shard, *block[:3]) for block in blocks]
        await connection.copy_records_to_table(
            "journal", columns=["shard", "block", "records", "details"], records=rows
        )
    await connection.close()
    await export(Job(url=database_url, output=tmp_path / "lake"))
    return tmp_path / "lake"


async def features(output: Path, *options: str, exit_code: int = 0) -> str:
    arguments = ["features", "--output", str(output), "--workers", "1", *options]
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    assert result.exit_code == exit_code, result.output
    return result.output


def _files(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.iterdir()}


async def test_features_are_what_duckdb_answers_from_journal_and_export_alike(
    lake: Path, database_url: str, tmp_path: Path
) -> None:
    at = ("--as-of", "2026-11-24T12:00:00Z")
    shown = msgspec.json.decode(await features(tmp_path / "of export", "--input", str(lake), *at, "--json"))
    assert shown["wallets"] == SHARDS * (USERS - 1), "a wallet that is opened later has none"
    await features(tmp_path / "of journal", "--database", database_url, *at)
    assert differences(lake, tmp_path / "of export", AS_OF) == []
    assert _files(tmp_path / "of journal") == _files(tmp_path / "of export")
    found = computed(tmp_path / "of export")
    same = [name for name, values in found.items() if len(set(values.values())) == 1]
    assert len(same) <= SAME_MAX, f"{same} are the same for all wallets: these journals do not test them"


async def test_what_is_recorded_later_changes_no_features_of_a_past_time(lake: Path, tmp_path: Path) -> None:
    earlier = AS_OF - 100 * DAY
    await features(tmp_path / "then", "--input", str(lake), "--as-of", "2026-08-16T12:00:00Z")
    assert differences(lake, tmp_path / "then", earlier) == []


async def test_what_was_overdue_too_long_ago_counts_no_more(lake: Path, tmp_path: Path) -> None:
    at = ("--as-of", "2026-11-24T12:00:00Z")
    config = tmp_path / "shardpay.toml"
    config.write_text("[credit]\nnegative_days = 40\n")
    await features(tmp_path / "short", "--input", str(lake), *at, "--config", str(config))
    assert differences(lake, tmp_path / "short", AS_OF, 40) == []
    assert differences(lake, tmp_path / "short", AS_OF), "the life of entries makes a difference to these journals"


async def test_features_of_an_export_are_as_of_when_it_was_made_and_never_of_later(lake: Path, tmp_path: Path) -> None:
    ends = Export(lake).at_ms
    assert ends is not None
    await features(tmp_path / "default", "--input", str(lake))
    assert msgspec.json.decode((tmp_path / "default" / "_manifest.json").read_bytes())["as_of"] == ends
    given = [np.datetime_as_string(np.datetime64(ends + later, "ms")) + "Z" for later in (0, 1)]
    await features(tmp_path / "given", "--input", str(lake), "--as-of", given[0])
    assert _files(tmp_path / "given") == _files(tmp_path / "default")
    refused = await features(tmp_path / "later", "--input", str(lake), "--as-of", given[1], exit_code=1)
    assert f"until {given[0]}, so no features as of {given[1]}: export again" in refused
    assert not any((tmp_path / "later").glob("*"))


async def test_an_export_that_did_not_end_gives_no_features(lake: Path, tmp_path: Path) -> None:
    manifest = msgspec.json.decode((lake / "_manifest.json").read_bytes())
    del manifest["shards"]["1"]
    (lake / "_manifest.json").write_bytes(msgspec.json.encode(manifest))
    refused = await features(tmp_path / "of a part", "--input", str(lake), exit_code=1)
    assert "did not end: shard 1 is not there" in refused and not any((tmp_path / "of a part").glob("*"))


async def test_relations_can_be_left_out(lake: Path, tmp_path: Path) -> None:
    await features(tmp_path / "without", "--input", str(lake), "--without-relations")
    kept = {feature.name for feature in FEATURES if feature.dimension != "relations"}
    assert computed(tmp_path / "without").keys() == kept
    manifest = msgspec.json.decode((tmp_path / "without" / "_manifest.json").read_bytes())
    assert set(manifest["features"]) == kept


async def test_whole_numbers_are_written_by_their_differences(lake: Path, tmp_path: Path) -> None:
    """Rescoring reads them in less than half of the time."""
    await features(tmp_path / "out", "--input", str(lake), "--without-relations")
    group = pq.read_metadata(tmp_path / "out" / "shard-0000.parquet").row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    differences_in = {each.path_in_schema for each in columns if "DELTA_BINARY_PACKED" in each.encodings}
    assert {feature.name for feature in FEATURES if feature.dimension != "relations"} < differences_in


async def test_a_folder_with_other_files_is_refused_and_one_of_a_run_that_broke_is_filled(
    lake: Path, tmp_path: Path
) -> None:
    output = tmp_path / "features"
    output.mkdir()
    (output / "shard-0000.tmp").write_text("half a file")
    await features(output, "--input", str(lake))
    whole = set(_files(output))
    assert whole == {"shard-0000.parquet", "shard-0001.parquet", "_manifest.json"}
    assert "features go into a folder of their own" in await features(output, "--input", str(lake), exit_code=1)
    assert set(_files(output)) == whole
