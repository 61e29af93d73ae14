"""What the handlers of payment credit use of the front door, a protocol a module.

mypy proves that the front door has it, and that a handler uses nothing else.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from actors.database.pool import Pool
from actors.records.credit_layout import CreditStates
from actors.records.secret import Secret
from actors.rpc.interface import ShardClient
from actors.stores.api_keys import KeyStore
from actors.stores.erasure import ErasureStore
from actors.stores.order_numbers import OrderNumberStore
from actors.stores.rule_packs import PackStore
from actors.stores.wallet_profiles import WalletStore
from rules.scenarios.law import CreditLaw
from switch.api.card_dimensions import CardDimensions
from switch.api.scenario_catalogue import ScenarioCatalogue
from switch.api.services import Limits
from switch.api.transfers import BatchKeyServices
from switch.fairness.scheduling import Scheduler
from switch.fairness.shares import Places
from switch.gateway.credit_queue import CreditQueue
from switch.gateway.read_queue import Reader
from switch.gateway.routing import Topology
from switch.http.access import WalletAccess
from switch.http.auth import Authenticator
from switch.http.call import Call
from switch.http.lookups import Lookups
from switch.views.credit_records import CreditHistory
from switch.views.representations import Balance
from switch.views.statement import History


class StateServices(Protocol):
    """How holders stand on their shards: durable."""

    credit_readers: list[Reader[np.void, CreditStates]]


class CreditServices(StateServices, Protocol):
    """What every call about a holder's credit uses: its wallet, its records, its durable state, the scenarios."""

    secret: Secret
    access: WalletAccess
    topology: Topology
    credit_queues: list[CreditQueue]
    credit_history: CreditHistory
    scenarios: ScenarioCatalogue
    law: CreditLaw


class DecisionServices(CreditServices, Protocol):
    """Decisions: bodies within limits, the names of who asked, and what scores have of dimensions."""

    limits: Limits
    keys: KeyStore
    card_dimensions: CardDimensions

    def deadline(self) -> float:
        """`Services.deadline`."""


class ConsentServices(DecisionServices, Protocol):
    """Consents: the merchants that may be given one."""

    merchants: Lookups[str, int]


class OrderServices(DecisionServices, BatchKeyServices, Protocol):
    """Orders: their numbers, the merchant's wallet, and the transfer that paid."""

    order_numbers: OrderNumberStore
    history: History

    async def balances(self, addresses: Iterable[int]) -> dict[int, Balance]:
        """`Services.balances`."""


class OrderImportServices(CreditServices, Protocol):
    """Orders of the past: a batch, their numbers, and the merchants whose they are."""

    limits: Limits
    batches: Places
    merchants: Lookups[str, int]
    order_numbers: OrderNumberStore

    def deadline(self) -> float:
        """`Services.deadline`."""


class ScoreServices(CreditServices, Protocol):
    """A wallet's published score: the card that it is of."""

    packs: PackStore


class ErasureServices(CreditServices, Protocol):
    """Erasure: one at a time, of texts beside records and of a wallet's profile, by a key that is looked up anew."""

    authenticator: Authenticator
    erasures: ErasureStore
    erasing: Places

    def deadline(self) -> float:
        """`Services.deadline`."""

    async def wallet_in_path(self, call: Call) -> int:
        """`Services.wallet_in_path`."""


class OwnDataServices(ScoreServices, Protocol):
    """A copy of all that is held of a person: profile, balance, records, and the names of who made them."""

    pages: Places
    keys: KeyStore
    history: History
    wallet_store: WalletStore
    card_dimensions: CardDimensions

    async def balance(self, address: int) -> Balance:
        """`Services.balance`."""


class PointServices(ScoreServices, Protocol):
    """What-if: a body within limits, and a place where Python computes for some milliseconds."""

    limits: Limits
    pages: Places


class PublicationServices(BatchKeyServices, StateServices, Protocol):
    """Publishing scores, and undoing a run: a batch that goes to the holders' shards, and touches no one's consents."""

    pool: Pool
    secret: Secret
    limits: Limits
    packs: PackStore
    topology: Topology
    law: CreditLaw
    credit_history: CreditHistory
    clients: Sequence[ShardClient]
    batches: Places
    scheduler: Scheduler

    def deadline(self) -> float:
        """`Services.deadline`."""
