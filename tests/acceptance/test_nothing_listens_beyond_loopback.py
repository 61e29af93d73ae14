"""Nothing listens beyond loopback, Ray and PostgreSQL included."""

from tests.acceptance.running import RunningSwitch
from tests.listening import listening


def test_nothing_listens_beyond_loopback(shared_switch: RunningSwitch) -> None:
    addresses = listening(shared_switch.processes())
    assert len(addresses) >= 5, "the switch's own listeners were not found: this test would prove nothing"
    assert not [str(address) for address in addresses if not address.is_loopback]
