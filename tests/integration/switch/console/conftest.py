"""The same day at the shop as the tests in a browser have."""

from tests.console.conftest import Scene, day, scene, switch, switch_of_module

__all__ = ["Scene", "day", "scene", "switch", "switch_of_module"]
