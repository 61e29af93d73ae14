-- Credits that lie on suspense: the movement, on the payer's shard, and the leg that could not reach its payee. Written in the transaction
-- of the leg's block, so whoever shows a movement finds it by one look-up: the leg lies on another shard, where no reference leads to it.
CREATE TABLE suspended (
    movement bigint PRIMARY KEY,
    leg      bigint NOT NULL
);

-- Those of the journal so far: kind 20 LEG with flag 2, read once from every block. For the layout see 0004.
INSERT INTO suspended (movement, leg)
SELECT shardpay_int8(records, 88 + 160 * slot + 88), (shard::bigint << 52) | (block << 8) | slot
FROM journal
CROSS JOIN LATERAL generate_series(0, (length(records) - 88) / 160 - 1) AS slots (slot)
WHERE get_byte(records, 88 + 160 * slot) = 20 AND get_byte(records, 88 + 160 * slot + 136) & 2 > 0;
