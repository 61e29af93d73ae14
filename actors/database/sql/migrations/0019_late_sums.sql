-- What makes a look at a wallet's late records cost as much among a million of them as among a few (see records/late.py): with each row the
-- record before the run of late ones that it is in, and what the wallet's late records up to it come to; and sums by span of time.
ALTER TABLE late RENAME TO late_listed;
ALTER INDEX late_pkey RENAME TO late_listed_pkey;
CREATE TABLE late (
    wallet    bigint NOT NULL,
    shard     int    NOT NULL,
    effective bigint NOT NULL,
    record    bigint NOT NULL,
    before    bigint NOT NULL,
    amount    bigint NOT NULL,
    total     bigint NOT NULL,
    PRIMARY KEY (wallet, shard, effective, record)
);
INSERT INTO late (wallet, shard, effective, record, before, amount, total)
SELECT wallet, shard, effective, record, first_value(previous) OVER (PARTITION BY wallet, shard, run ORDER BY record), amount, total
FROM (
    SELECT *, count(*) FILTER (WHERE begins) OVER along AS run, sum(amount) OVER along AS total
    FROM (
        SELECT *, previous IS DISTINCT FROM lag(record) OVER (PARTITION BY wallet, shard ORDER BY record) AS begins FROM late_listed
    ) AS listed
    WINDOW along AS (PARTITION BY wallet, shard ORDER BY record)
) AS runs;
DROP TABLE late_listed;
CREATE INDEX late_along_chain ON late (wallet, shard, record) INCLUDE (before, total);

-- What late records come to whose effective times are in the same span of 2^width milliseconds since 1970. Many appends change a row of a
-- wide span: what is left free of a page lets them do so without a new entry in the index.
CREATE TABLE late_sum (
    wallet bigint   NOT NULL,
    shard  int      NOT NULL,
    width  smallint NOT NULL,
    span   bigint   NOT NULL,
    amount bigint   NOT NULL,
    PRIMARY KEY (wallet, shard, width, span)
) WITH (fillfactor = 80);
INSERT INTO late_sum (wallet, shard, width, span, amount)
SELECT wallet, shard, width, effective >> width, sum(amount)
FROM late CROSS JOIN (VALUES (0), (10), (20), (30), (40)) AS spans (width)
GROUP BY wallet, shard, width, effective >> width;
