-- Places on a wallet's chain of records where a look back in time can begin: one of every 256 of its records, so that no statement
-- and no balance of the past has to walk further than that. An operator wallet has a chain on every shard.
CREATE TABLE anchor (
    wallet     bigint NOT NULL,
    shard      int    NOT NULL,
    chain_time bigint NOT NULL,
    record     bigint NOT NULL,
    PRIMARY KEY (wallet, shard, chain_time, record)
);
