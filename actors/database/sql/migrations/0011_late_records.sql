-- What moves money on a wallet's chain and counts from before a record that was there already (see records/late.py), written in the
-- transaction of its block. `previous`: the record before it on the chain; `amount`: what it added to the balance.
CREATE TABLE late (
    wallet    bigint NOT NULL,
    shard     int    NOT NULL,
    effective bigint NOT NULL,
    record    bigint NOT NULL,
    previous  bigint NOT NULL,
    amount    bigint NOT NULL,
    PRIMARY KEY (wallet, shard, effective, record) INCLUDE (amount)
);

-- One pass over the journal. Of kinds 10 TRANSFER, 12 CAPTURE and 15 REFUND the payer has a lag at 144 and, where it is local (flag 1 is
-- REMOTE), the payee at 148; 20 LEG has the payee's alone, and with flag 2 it lies on the chain of the currency's suspense wallet.
INSERT INTO late (wallet, shard, effective, record, previous, amount)
SELECT side.wallet, found.shard, shardpay_int8(found.record, 104), found.address, side.previous, side.amount
FROM (
    SELECT journal.shard, (journal.shard::bigint << 52) | (journal.block << 8) | slot AS address,
           substring(records FROM 89 + 160 * slot FOR 160) AS record
    FROM journal
    CROSS JOIN LATERAL generate_series(0, (length(records) - 88) / 160 - 1) AS slots (slot)
    WHERE shardpay_int8(records, 88 + 160 * slot + 144) <> 0
      AND get_byte(records, 88 + 160 * slot) IN (10, 12, 15, 20)
      AND get_byte(records, 88 + 160 * slot + 4) = 0 AND get_byte(records, 88 + 160 * slot + 5) = 0
    OFFSET 0
) AS found
CROSS JOIN LATERAL (
    SELECT shardpay_int8(found.record, 8), shardpay_int8(found.record, 112), -shardpay_int8(found.record, 24)
    WHERE get_byte(found.record, 0) <> 20 AND shardpay_int8(found.record, 144) & 4294967295 <> 0
  UNION ALL
    SELECT CASE WHEN get_byte(found.record, 0) = 20 AND get_byte(found.record, 136) & 2 <> 0
                THEN shardpay_int8(found.record, 0) >> 48 & 65535 ELSE shardpay_int8(found.record, 16) END,
           shardpay_int8(found.record, 120), shardpay_int8(found.record, 24)
    WHERE get_byte(found.record, 136) & 1 = 0 AND shardpay_int8(found.record, 144) >> 32 & 4294967295 <> 0
) AS side (wallet, previous, amount);

CREATE INDEX late_along_chain ON late (wallet, shard, record) INCLUDE (previous);
