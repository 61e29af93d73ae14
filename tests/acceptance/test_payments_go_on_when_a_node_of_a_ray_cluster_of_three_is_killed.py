"""`serve --ray` on a cluster of three nodes: each has a front door, a shard and a scorer, one node's death stops nobody for long, and a
node that joins gets a front door."""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.database import embedded
from tests.acceptance.ray_nodes import RayNodes
from tests.acceptance.running import KEY, RunningSwitch, shardpay

NODES = 3
GOES_ON_WITHIN_S = 20.0
"""3 s to see that a node is gone, the start of a process with its libraries, and recovery, on two cores that others use too. Left to Ray
it was 24 s with a processor for each."""
JOINS_WITHIN_S = 45.0
"""5 s until the list of nodes is read again, and the start of a process with its libraries on two cores that others use too."""


@pytest.fixture
def nodes(server_place: Path) -> Iterator[RayNodes]:
    nodes = RayNodes(server_place / "ray", NODES)
    yield nodes
    nodes.end()


def _post(url: str, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    """Sent again under its key until it is answered, as a client does."""
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": key, "Content-Type": "application/json"}
    deadline = time.monotonic() + 60
    while True:
        request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=6) as answer:
                answered: dict[str, Any] = json.load(answer)
                return answered
        except urllib.error.HTTPError as refusal:
            assert refusal.code >= 500, refusal.read()
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _front_doors(nodes: RayNodes) -> list[int]:
    return [node["front door"] for node in nodes.actors()]


@pytest.mark.slow
def test_payments_go_on_when_a_node_of_a_ray_cluster_of_three_is_killed(nodes: RayNodes, server_place: Path) -> None:
    server = embedded.start(server_place / "postgres")
    options = ("--ray", nodes.address, "--database", server.url, "--shards", "3", "--scorers", "3")
    switch = RunningSwitch(server_place / "data", *options)
    try:
        switch.start()
        deadline = (
            time.monotonic() + JOINS_WITHIN_S
        )  # the first front door may take payments before the others have begun
        while nodes.actors() != [{"shard": 1, "scorer": 1, "front door": 1}] * NODES:
            assert time.monotonic() < deadline, (nodes.actors(), (switch.data / "log" / "node.log").read_text())
            time.sleep(0.2)

        def opened(name: str, **fields: Any) -> str:
            body = {"currency": "EUR", "external_id": name, **fields}
            identity: str = _post(switch.url, "/v1/wallets", body, name)["id"]
            return identity

        def pay(payer: str, payee: str, amount: int) -> float:
            began = time.monotonic()
            body = {"payer": payer, "payee": payee, "amount": amount, "currency": "EUR"}
            assert _post(switch.url, "/v1/transfers", body, str(uuid.uuid4()))["status"] == "posted"
            return time.monotonic() - began

        bank = opened("bank", kind="external")
        payers = [opened(f"user-{number}", kind="user") for number in range(9)]
        for payer in payers:
            pay(bank, payer, 100_000)
        nodes.kill(NODES - 1)
        assert max(pay(payer, payers[0], 1) for payer in payers[1:]) < GOES_ON_WITHIN_S
        assert sum(node["shard"] for node in nodes.actors()) == 3
        assert _front_doors(nodes) == [1, 1], "one a node, and none for the node that is gone"

        nodes.join()
        logs = list((switch.data / "log").glob("front-door-*.log"))
        assert len(logs) == NODES
        deadline = time.monotonic() + JOINS_WITHIN_S
        while sum(each.read_text().count("listens") for each in logs) < NODES + 1:
            assert time.monotonic() < deadline, (nodes.actors(), (switch.data / "log" / "node.log").read_text())
            time.sleep(0.2)
        assert _front_doors(nodes) == [1, 1, 1]
        for payer in payers[1:]:
            pay(payer, payers[0], 1)
        switch.stop()
        audit = shardpay("audit", "--database", server.url, "--json")
        assert audit.returncode == 0, audit.stdout + audit.stderr
    finally:
        switch.end()
        server.stop()
