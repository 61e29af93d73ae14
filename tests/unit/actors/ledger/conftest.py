"""Hypothesis profiles: `short` for the run without compilation."""

from hypothesis import HealthCheck, settings

_QUIET = list(HealthCheck)

settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=_QUIET, max_examples=60, stateful_step_count=25
)
settings.register_profile(
    "short", deadline=None, print_blob=True, suppress_health_check=_QUIET, max_examples=20, stateful_step_count=20
)
settings.load_profile("default")
