-- Under which key an account sent which batch of transfers. The rows of a batch have keys of their own in the ledger; this one says that
-- the batch is the same: another body under the same key is refused before any of its rows moves money.
CREATE TABLE batch_key (
    account int NOT NULL REFERENCES account (id),
    key     bytea NOT NULL CHECK (length(key) = 16),
    digest  bytea NOT NULL CHECK (length(digest) = 16),
    used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, key)
);

CREATE INDEX batch_key_used_at ON batch_key (used_at);
