"""The section `tracing` of the configuration, checked once."""

from importlib.util import find_spec
from typing import Annotated, Final

import msgspec

PACKAGES: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


class TracingKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether requests are traced. What is None is as the standard variables `OTEL_*` of a front door's process say."""

    enabled: bool = False
    endpoint: Annotated[str, msgspec.Meta(pattern="^https?://[^/?#]+[^?#]*$")] | None = None
    service_name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None
    sample_ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


def check_installed(keys: TracingKeys) -> None:
    """Raises ValueError when tracing is on and what it takes is not installed."""
    if keys.enabled and not all(map(_is_there, PACKAGES)):
        raise ValueError("tracing.enabled needs the extra otel: .venv/bin/pip install -e '.[otel]' in the clone")


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even what it is a part of
        return False
