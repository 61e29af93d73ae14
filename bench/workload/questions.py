"""What a merchant asks: decisions about wallets, as requests that all contenders take."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from bench.workload.payments import http_request, uuid_texts

SCENARIO: Final = "bench"
CAP: Final = 50_000
DECISIONS_A_DAY: Final = 255
"""About one wallet: as many as a scenario may allow, so that a few thousand wallets last for all rounds."""
SCORE: Final = 720
SCORE_MIN: Final = 600
TEXT: Final = f"""\
name: {SCENARIO}
title: Benchmark
kind: deposit_waived
purpose: A benchmark asks whether you may check in without a deposit.
data: [score, orders]
condition:
  - if: score >= {SCORE_MIN}
    reason: SCORE_BELOW
    text: Your score is below {SCORE_MIN}.
  - if: overdue_orders == 0
    reason: OVERDUE_ORDERS
    text: An order of yours is past its due time.
  - if: open_orders < 5
    reason: TOO_MANY_OPEN
    text: You have 5 or more orders that are not over yet.
  - if: amount == null || amount <= cap
    reason: ABOVE_CAP
    text: More was asked for than is ever granted.
grant: "amount == null ? cap : amount"
limits:
  open_orders: 3
  decisions: {DECISIONS_A_DAY}
  cap: {{EUR: {CAP}}}
terms:
  consent_days: 365
  standing: true
  receipt_hours: 24
  confirm_days: 30
  default_days: 30
refusal: Please pay the deposit.
tests:
  - name: enough
    given: {{amount: 100, score: {SCORE_MIN}}}
    expect: {{result: yes, granted: 100}}
  - name: not enough
    given: {{amount: 100, score: {SCORE_MIN - 1}, band: 2}}
    expect: {{result: no, reasons: [SCORE_BELOW]}}
"""


def question_requests(wallets: Sequence[str], count: int, *, host: str, key: str, seed: int) -> list[bytes]:
    """Decisions, each under a key of its own; every wallet is asked about equally often."""
    rng = np.random.default_rng(seed)
    keys = uuid_texts(rng.bytes(16 * count))
    whom = rng.permutation(np.arange(count) % len(wallets)).tolist()
    amounts = rng.integers(1, CAP + 1, count).tolist()
    requests = []
    for idempotency_key, wallet, amount in zip(keys, whom, amounts, strict=True):
        body = f'{{"wallet":"{wallets[wallet]}","scenario":"{SCENARIO}","amount":{amount}}}'
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
        requests.append(http_request("/v1/credit/decisions", host, key, headers, body.encode()))
    return requests
