"""The pack a new switch starts with: two rules and a small card against drained wallets and bursts.

Amount thresholds are in minor units and meant for currencies with two decimals.
"""

import numpy as np

from models.jit import kernel
from models.scorecard import Characteristic, Scorecard
from rules.columns import INDEX, NULL
from rules.decision import Action
from rules.pack import Pack, Rule

_AMOUNT = INDEX["amount"]
_AVAILABLE = INDEX["payer_available"]
_SEEN = INDEX["payee_seen"]
_COUNT_1H = INDEX["count_1h"]
_SUM_1H = INDEX["sum_1h"]

DRAIN_AMOUNT_MIN = 1_000_000
BURST_COUNT_MIN = 40
BURST_SUM_MIN = 5_000_000


@kernel
def _fires(columns, hits):
    for row in range(len(columns)):
        amount = columns[row, _AMOUNT]
        available = columns[row, _AVAILABLE]
        drains = available != NULL and amount >= DRAIN_AMOUNT_MIN and amount >= available - available // 20
        if drains and columns[row, _SEEN] == 0:
            hits[row] |= np.uint64(1)
        if columns[row, _COUNT_1H] >= BURST_COUNT_MIN and columns[row, _SUM_1H] >= BURST_SUM_MIN:
            hits[row] |= np.uint64(2)


CARD = Scorecard(
    name="payment-risk-start",
    version=1,
    characteristics=(
        Characteristic(
            feature="amount",
            reason="HIGH_AMOUNT",
            edges=(100_000, 1_000_000, 10_000_000),
            points=(120, 100, 70, 40),
            missing=40,
        ),
        Characteristic(
            feature="payees_24h",
            reason="MANY_PAYEES",
            edges=(5, 20, 40),
            points=(120, 100, 60, 10),
            missing=120,
        ),
        Characteristic(feature="payer_age_days", reason="NEW_WALLET", edges=(1, 30), points=(60, 90, 120), missing=120),
        Characteristic(feature="payee_seen", reason="NEW_PAYEE", edges=(1,), points=(80, 120), missing=120),
    ),
)

PACK = Pack(
    number=1,
    name="default",
    version=1,
    rules=(
        Rule(id="drain", action=Action.DECLINE, reason="DRAINS_TO_NEW_PAYEE"),
        Rule(id="burst", action=Action.DECLINE, reason="BURST_1H"),
    ),
    card=CARD,
    decline_below=200,
    fallback=Action.APPROVE,
    fires=_fires,
)
"""The fallback is to approve: the ledger's own limits still hold, and every such decision is flagged and counted."""

PACKS = {PACK.number: PACK}
