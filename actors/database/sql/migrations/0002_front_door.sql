-- Operator wallets have the same address on every shard, so its slot in segment 0 is given out here, not by a shard.
ALTER TABLE wallet_profile ADD COLUMN slot int UNIQUE CHECK (slot BETWEEN 1024 AND 65535);

-- The little-endian 64-bit number at byte `place` (from 0): journal records are laid out as the ledger keeps them in memory.
CREATE FUNCTION shardpay_int8(records bytea, place int) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT get_byte(records, place)::bigint
         | (get_byte(records, place + 1)::bigint << 8)
         | (get_byte(records, place + 2)::bigint << 16)
         | (get_byte(records, place + 3)::bigint << 24)
         | (get_byte(records, place + 4)::bigint << 32)
         | (get_byte(records, place + 5)::bigint << 40)
         | (get_byte(records, place + 6)::bigint << 48)
         | (get_byte(records, place + 7)::bigint << 56)
$$;
