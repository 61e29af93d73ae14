"""Names of the formats, for who offers them without reading any."""

from typing import Final

BERKA: Final = "berka"
PAYSIM: Final = "paysim"
SHARDPAY: Final = "shardpay"
ORDERS: Final = "orders"
ALL: Final = (BERKA, ORDERS, PAYSIM, SHARDPAY)
PAYSIM_CURRENCY: Final = "EUR"
"""Unless another is given: the log's currency has no name, and two decimals."""
