-- Places on a wallet's chain of records where a look back in time can begin: one of every 256 of its records, so that no statement
-- and no balance of the past has to walk further than that. An operator wallet has a chain on every shard.
CREATE TABLE anchor (
    wallet     bigint NOT NULL,
    shard      int    NOT NULL,
    chain_time bigint NOT NULL,
    record     bigint NOT NULL,
    PRIMARY KEY (wallet, shard, chain_time, record)
);

-- Time of a record on a wallet's chain, from its own effective time and its lag (see ledger/posting.py).
CREATE FUNCTION shardpay_chain_time(effective bigint, lag bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN lag < 2147483648 THEN effective + lag ELSE (effective / 1000 + (lag - 2147483648)) * 1000 END
$$;

-- Neither this nor the next is STRICT: PostgreSQL then compiles them into the query instead of calling them.
-- A record on a wallet's chain: its bytes, whether the wallet pays there (kinds 10 to 15 of the payer), and its time on the chain.
CREATE FUNCTION shardpay_on_chain(address bigint, wallet bigint)
RETURNS TABLE (record bytea, paying boolean, "time" bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT found.record, found.paying,
           shardpay_chain_time(shardpay_int8(found.record, 104),
                               shardpay_int8(found.record, 144) >> CASE WHEN found.paying THEN 0 ELSE 32 END & 4294967295)
    FROM (
        SELECT one.record, get_byte(one.record, 0) BETWEEN 10 AND 15 AND shardpay_int8(one.record, 8) = wallet
        FROM journal
        CROSS JOIN LATERAL (SELECT substring(records FROM 89 + 160 * (address & 255)::int FOR 160)) AS one (record)
        WHERE shard = (address >> 52)::int AND block = (address >> 8) & 17592186044415
    ) AS found (record, paying)
$$;
