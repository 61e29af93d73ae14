-- What happened: the only store of money. One row a block, appended in order, never updated.
-- `records` stays in the row (PLAIN, no TOAST), so reading a block is reading one page.
CREATE TABLE journal (
    shard   int    NOT NULL,
    block   bigint NOT NULL,
    records bytea  STORAGE PLAIN NOT NULL,
    details bytea  STORAGE EXTENDED,
    PRIMARY KEY (shard, block)
);

-- What became of a transfer: captures, voids, expiries and refunds name the record they act on.
CREATE TABLE reference (
    target bigint NOT NULL,
    record bigint NOT NULL,
    PRIMARY KEY (target, record)
);

-- Topology: which shard owns which 65,536 wallet slots. Segment 0 stands for operator wallets, which have a stripe in
-- every shard, so it has no owner and no row.
CREATE TABLE segment (
    segment int PRIMARY KEY CHECK (segment > 0),
    shard   int NOT NULL
);

-- What must be the same everywhere in a cluster: the id secret, the number of shards, the topology version.
CREATE TABLE cluster (
    key   text PRIMARY KEY,
    value bytea NOT NULL
);

CREATE TABLE account (
    id   serial PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE api_key (
    id         uuid PRIMARY KEY,
    account    int NOT NULL REFERENCES account (id),
    name       text NOT NULL,
    scopes     text[] NOT NULL,
    hash       bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- What the ledger does not need to know of a wallet. The row is reserved, external id included, before the wallet
-- exists; `address` is filled in when it does.
CREATE TABLE wallet_profile (
    address     bigint UNIQUE,
    account     int NOT NULL,
    key_hash    bytea NOT NULL,
    digest      bytea NOT NULL,
    external_id text UNIQUE,
    owner       text,
    attributes  jsonb,
    metadata    jsonb,
    kind        smallint,
    currency    smallint,
    home        int,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, key_hash)
);
CREATE INDEX wallet_profile_owner ON wallet_profile (owner);
