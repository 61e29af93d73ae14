"""`shardpay events follow`: a line an event, over lost connections, and at its end where to go on."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from switch.cli.events_follow import line_of
from switch.cli.main import cli
from switch.client.schema import Event

EVENT = {
    "type": "transfer.posted",
    "shard": 1,
    "created_at": "2026-11-29T12:00:00.000Z",
    "effective_at": "2026-11-29T12:00:00.000Z",
    "data": {"payer": "P", "payee": "Q", "amount": 1250, "currency": "EUR", "reference": "coffee"},
}


def framed(number: int) -> bytes:
    event = {"id": f"E{number}", **EVENT}
    return f"id: c{number}\nevent: transfer.posted\ndata: {json.dumps(event)}\n\n".encode()


class Feed(BaseHTTPRequestHandler):
    """Streams that break after two events each; the one behind c4 has no more."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        after = self.path.partition("after=")[2].partition("&")[0]
        start = int(after[1:]) if after.startswith("c") else 0
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(f"retry: 1000\nid: c{start}\n\n".encode())
        for number in range(start + 1, min(start + 2, 4) + 1):
            self.wfile.write(framed(number))
        if start >= 4:
            self.wfile.flush()
            self.server.waits.wait(20)  # type: ignore[attr-defined]

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def feed() -> Iterator[str]:
    Feed.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Feed) as server:
        server.waits = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.waits.set()  # type: ignore[attr-defined]
            server.shutdown()
            thread.join()


def test_events_are_lines_over_streams_that_break_and_the_cursor_is_told() -> None:
    with feed() as url:
        done = CliRunner().invoke(cli, ["events", "follow", "--url", url, "--after", "start", "--count", "3"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split()[2] for line in lines] == ["E1", "E2", "E3"]
    assert "1250 EUR  P -> Q" in lines[0] and "reference=coffee" in lines[0]
    assert done.stderr == "go on with: shardpay events follow --after c3\n"
    assert Feed.asked == ["/v1/events", "/v1/events?after=c2"]


def test_with_json_each_is_a_line_of_json_and_types_are_asked_for() -> None:
    words = [
        "events",
        "follow",
        "--after",
        "c1",
        "--type",
        "transfer.posted",
        "--type",
        "transfer.held",
        "--count",
        "2",
        "--json",
    ]
    with feed() as url:
        done = CliRunner().invoke(cli, [*words, "--url", url])
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["E2", "E3"]
    assert done.stderr.endswith("--after c3 --type transfer.posted --type transfer.held\n")
    assert Feed.asked == ["/v1/events?after=c1&types=transfer.posted%2Ctransfer.held"]


def test_ctrl_c_ends_it_clean_with_the_cursor() -> None:
    with feed() as url:
        command = [sys.executable, "-m", "switch", "events", "follow", "--url", url, "--after", "c0", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stderr is not None
            seen = [json.loads(process.stdout.readline())["id"] for _ in range(4)]
            while "/v1/events?after=c4" not in Feed.asked:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=20)
    assert (seen, stdout, process.returncode) == (["E1", "E2", "E3", "E4"], "", 0)
    assert stderr == "go on with: shardpay events follow --after c4\n"


def test_a_switch_that_is_away_ends_it_with_what_is_known() -> None:
    done = CliRunner().invoke(cli, ["events", "follow", "--url", "http://127.0.0.1:9", "--patience", "0.1"])
    assert done.exit_code == 1 and "was not answered" in done.stderr and "go on with" not in done.stderr
    done = CliRunner().invoke(
        cli, ["events", "follow", "--url", "http://127.0.0.1:9", "--patience", "0.1", "--after", "c7"]
    )
    assert done.exit_code == 1 and "--after c7" in done.stderr


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"id": "W", "kind": "user"}, "id=W  kind=user"),
        ({"holder": "H", "scenario": "hotel", "result": "yes"}, "holder=H  scenario=hotel  result=yes"),
        ({"of": "T"}, "of=T"),
    ],
)
def test_what_is_no_payment_names_what_it_is_about(data: dict[str, Any], words: str) -> None:
    event = Event(**{**EVENT, "id": "E", "type": "wallet.opened", "data": data})  # type: ignore[arg-type]
    assert line_of(event).endswith(words)
