-- What administrators do, one row a call or command. `hash` is that of the row and of the hash before it (actors/records/admin_entries.py);
-- shard 0 writes the newest into its journal. `account` 0: a command where the database is; `status`: of the answer, 0: not known.
-- `digest` is that of `salt` and of the body, which can be erased with its salt; `body` is null where it is not kept as text.
CREATE TABLE admin_log (
    number   bigint   PRIMARY KEY CHECK (number > 0),
    at_ms    bigint   NOT NULL,
    account  int      NOT NULL,
    key      text     NOT NULL,
    origin     text     NOT NULL,
    request  text     NOT NULL,
    call     text     NOT NULL,
    resource text     NOT NULL,
    status   smallint NOT NULL,
    code     text     NOT NULL,
    digest   bytea    NOT NULL,
    hash     bytea    NOT NULL,
    salt     bytea,
    body     bytea
);
CREATE INDEX admin_log_at ON admin_log (at_ms, number);
CREATE INDEX admin_log_account ON admin_log (account, number);
CREATE INDEX admin_log_call ON admin_log (call, number);
CREATE INDEX admin_log_resource ON admin_log (resource text_pattern_ops, number);

-- Calls that were begun and have no entry yet: written before anything is changed. What a process leaves here that died becomes an entry of
-- which the outcome is not known.
CREATE TABLE admin_call (
    id       uuid        PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    account  int         NOT NULL,
    key      text        NOT NULL,
    origin     text        NOT NULL,
    request  text        NOT NULL,
    call     text        NOT NULL,
    resource text        NOT NULL,
    digest   bytea       NOT NULL,
    salt     bytea       NOT NULL,
    body     bytea
);
CREATE INDEX admin_call_began ON admin_call (began_at);
