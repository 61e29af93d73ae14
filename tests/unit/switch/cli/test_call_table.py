"""The groups of calls are the resources of the client."""

from switch.cli.call_table import CALLS
from switch.client.sync_resources import Resources


def test_each_resource_of_the_client_is_a_group() -> None:
    resources = Resources(lambda call, kind: None, lambda path, kind, **parameters: iter(()))  # type: ignore[arg-type]
    assert {name.replace("_", "-") for name in vars(resources)} == {*CALLS, "keys"} - {"api-keys"}, (
        "`shardpay keys` asks the database"
    )
    assert all(line.endswith(".") and len(line) < 80 for line in CALLS.values())
