"""The section `tracing`: what may stand in it, and what is said where its packages are missing."""

import sys

import msgspec
import pytest

from switch.tracing.settings import PACKAGES, TracingKeys, check_installed
from tests.extra import needs


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "localhost:4318"},
        {"endpoint": "http://c?x=1"},
        {"endpoint": "ftp://c"},
        {"service_name": ""},
        {"sample_ratio": 1.5},
        {"sample_ratio": -0.1},
        {"ratio": 1},
    ],
)
def test_what_is_no_setting_is_refused_by_its_name(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError, match=next(iter(wrong))):
        msgspec.convert(wrong, TracingKeys)


def test_it_is_off_unless_it_is_switched_on() -> None:
    assert not TracingKeys().enabled
    check_installed(msgspec.convert({"endpoint": "https://collector.example/otlp"}, TracingKeys))


@pytest.mark.parametrize("package", ["opentelemetry", *PACKAGES])
def test_without_the_extra_it_says_how_to_install_it(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for loaded in [name for name in sys.modules if name.startswith(package)]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=r"pip install -e '\.\[otel\]'"):
        check_installed(TracingKeys(enabled=True))


def test_with_the_extra_nothing_is_said() -> None:
    needs("opentelemetry")
    check_installed(TracingKeys(enabled=True))
