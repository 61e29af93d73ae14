"""The Python client: calls as methods, answers as types, retries that count once.

It may touch HTTP, and nothing else of the project.

The distribution `shardpay-client` ships this folder as the package `shardpay`, without the switch.
"""

from typing import TYPE_CHECKING, Any

from .errors import DeclinedError, ProblemError, ShardpayError, UnreachableError
from .sync_client import Client

if TYPE_CHECKING:
    from .async_client import AsyncClient

__all__ = ["AsyncClient", "Client", "DeclinedError", "ProblemError", "ShardpayError", "UnreachableError"]


def __getattr__(name: str) -> Any:
    """`AsyncClient`, whose transport takes longer to import than all else, when somebody asks for it."""
    if name != "AsyncClient":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .async_client import AsyncClient

    return AsyncClient
