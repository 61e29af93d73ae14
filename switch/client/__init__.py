"""The Python client: calls as methods, answers as types, retries that count once.

It may touch HTTP, and nothing else of the project.

The distribution `shardpay-client` ships this folder as the package `shardpay`, without the switch.
"""

from .async_client import AsyncClient
from .errors import DeclinedError, ProblemError, ShardpayError, UnreachableError
from .sync_client import Client

__all__ = ["AsyncClient", "Client", "DeclinedError", "ProblemError", "ShardpayError", "UnreachableError"]
