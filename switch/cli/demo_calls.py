"""The calls of `shardpay demo`: scores are published, a shop asks, orders go to their end."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import msgspec

from switch.client import Client, ProblemError
from switch.client.schema import OrderAnswer
from switch.http.times import time_text

SHOP: Final = "demo-shop"
SCENARIO: Final = "online-shopping"
CARD: Final = "wallet"
RUN: Final = 1
BILL: Final = 12_000
"""Minor units: within half of the scenario's cap, which is granted from its lowest score on."""
GOOD: Final = 650
_DAY_MS: Final = 86_400_000


class Calls:
    """`shown`: the wallet whose credit is worth a look."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._bureau = Client(url, key)
        self._shop = self._bureau
        self.shown = ""
        self._till = ""
        self._late = ""
        self._scored: list[tuple[str, int, int]] = []

    def close(self) -> None:
        """Close the connections."""
        self._bureau.close()
        self._shop.close()

    # Scores.

    def publish(self, folder: Path) -> str:
        """Score people by the shipped card and publish the scores. Gives what to say of them."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        from models.credit.score import WalletScorer
        from models.credit.score_stream import score_columns
        from models.credit.shipped import shipped
        from models.scorecard import canonical

        card = shipped(CARD)
        scorer = WalletScorer(card)
        self._bureau.scorecards.publish(CARD, document=msgspec.json.decode(canonical(card)))
        now = time.time_ns() // 1_000_000 - 1
        features = pa.concat_tables(map(pq.read_table, sorted(folder.glob("*.parquet"))))
        features = features.filter(pc.equal(features["kind"].cast(pa.string()), "user"))
        scored = score_columns(scorer, features, RUN, now)
        results = self._bureau.publish_scores(scored)
        if set(results["code"].to_pylist()) != {"ok"}:
            raise click.ClickException(f"scores were not published: {pc.value_counts(results['code'])}")
        columns = (scored["wallet"], scored["score"], features["lowest_balance_90d"])
        for wallet, score, balance in zip(*(column.to_pylist() for column in columns), strict=True):
            if score is not None:
                self._scored.append((str(uuid.UUID(bytes=wallet)), score, balance or 0))
        scores = np.array([score for _, score, _ in self._scored])
        bands = [f"{np.count_nonzero((scores >= low) & (scores < high)):,} from {low}" for low, high in _bands()]
        return f"{features.num_rows:,} wallets; {len(scores):,} have a score: {', '.join(bands)}"

    # Orders.

    def prepare(self, key: str) -> None:
        """The shop has its key, and a wallet of its own."""
        self._shop = Client(self._url, key)
        till = self._bureau.wallets.create(currency="EUR", kind="merchant", owner=SHOP, external_id="demo:till")
        self._till = till.id

    def paid_order(self) -> str:
        """Somebody with a good score and money. Gives what to say of it."""
        for wallet, available in self._candidates(richest=True):
            order = self._confirmed(wallet) if available >= BILL else None
            if order is not None:
                self.shown = wallet
                done = self._billed(order)
                paid = f"{BILL / 100:.2f} EUR by transfer {done.transfer}"
                return f"the answer is yes; order {done.id} is {done.status}: {paid}"
        raise click.ClickException("nobody gets a yes and has the money")

    def late_order(self) -> str:
        """Somebody who spends all that is there before the bill comes. Gives what to say of it."""
        for wallet, available in self._candidates(richest=False):
            order = self._confirmed(wallet)
            if order is None:
                continue
            if not self._spent(wallet, available):
                self._shop.credit_orders.cancel(order.id)
                continue
            owed = self._billed(order)
            before = (
                f"the answer is yes; order {owed.id} is {owed.status}, tried again at {owed.steps[-1].next_attempt_at}"
            )
            self._top_up(wallet)
            self._late = owed.id
            paid = self._bureau.credit_orders.pay(owed.id)
            return f"{before}\nthen there is money, and the holder pays: it is {paid.status}"
        raise click.ClickException("nobody gets a yes and spends it all")

    def dispute(self) -> str:
        """The late one says that the order is wrong. Gives what to say of it."""
        made = self._bureau.disputes.create(entry=self._late, text="The shoes came back unworn.")
        return f"dispute {made.id} is {made.status}; unless it is answered until {made.due_at}, the entry is deleted"

    def _spent(self, wallet: str, available: int) -> bool:
        """Whether a wallet is empty now: a rule may keep somebody from spending so much at once."""
        if not available:
            return True
        elsewhere = self._bureau.wallets.create(currency="EUR", kind="merchant", external_id="demo:elsewhere").id
        try:
            done = self._bureau.transfers.create(
                payer=wallet, payee=elsewhere, amount=available, currency="EUR", kind="payment"
            )
        except ProblemError:
            return False
        return done.status == "posted"

    def _candidates(self, *, richest: bool) -> Iterator[tuple[str, int]]:
        """Wallets with good scores and what is available in them, those with the highest, or lowest, balances of late first."""
        good = [each for each in self._scored if each[1] >= GOOD]
        for wallet, _, _ in sorted(good, key=lambda each: each[2], reverse=richest):
            yield wallet, self._bureau.wallets.get(wallet).available or 0

    def _confirmed(self, wallet: str) -> OrderAnswer | None:
        """An order of a holder who consents and confirms; None where the answer is no."""
        ends = time_text(time.time_ns() // 1_000_000 + _DAY_MS)
        self._bureau.consents.create(wallet=wallet, scenario=SCENARIO, merchant=SHOP, expires_at=ends)
        answer = self._shop.credit_decisions.create(wallet=wallet, scenario=SCENARIO, amount=BILL)
        if answer.result != "yes":
            return None
        made = self._shop.credit_orders.create(
            receipt=answer.receipt,
            kind="pay_later",
            cap=BILL,
            currency="EUR",
            payee=self._till,
            number=f"demo-{wallet}",
            introduction="A pair of shoes",
        )
        return self._bureau.credit_orders.confirm(made.id)

    def _billed(self, order: OrderAnswer) -> OrderAnswer:
        return self._shop.credit_orders.complete(order.id, items=[{"name": "shoes", "amount": BILL}])

    def _top_up(self, wallet: str) -> None:
        source = self._bureau.wallets.create(currency="EUR", kind="external", external_id="demo:bank")
        self._bureau.transfers.create(payer=source.id, payee=wallet, amount=BILL, currency="EUR", kind="top_up")


def _bands() -> list[tuple[int, int]]:
    from models.credit.wallet_card import BANDS, RANGE

    lows = [band.low for band in BANDS]
    return list(zip(lows, [*lows[1:], RANGE[1] + 1], strict=True))
