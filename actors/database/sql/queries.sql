-- Statements of actors/, by name; see actors/database/connection.py for how they are read.

-- name: journal_head
SELECT block, records FROM journal WHERE shard = $1 ORDER BY block DESC LIMIT 1

-- name: journal_add
INSERT INTO journal (shard, block, records, details) VALUES ($1, $2, $3, $4)

-- name: journal_block
SELECT block, records FROM journal WHERE shard = $1 AND block = $2

-- name: journal_timeline
-- A promoted standby, or a server that was recovered to a point in time, begins another; NULL: it is a standby still.
SELECT CASE WHEN pg_is_in_recovery() THEN NULL
    ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END

-- name: journal_read
SELECT block, records FROM journal WHERE shard = $1 AND block BETWEEN $2 AND $3 ORDER BY block LIMIT $4

-- name: journal_copy
SELECT block, records, NULL::bytea FROM journal WHERE shard = $1 AND block BETWEEN $2 AND $3 ORDER BY block

-- name: journal_copy_details
SELECT block, records, details FROM journal WHERE shard = $1 AND block BETWEEN $2 AND $3 ORDER BY block

-- name: journal_details
SELECT details FROM journal WHERE shard = $1 AND block = $2

-- name: journal_blocks
-- Blocks by place (shard and number), as many of $1 as there are, in its order; OFFSET 0: each is looked up by the key, whatever the planner
-- thinks of their number.
SELECT asked.place, found.records FROM unnest($1::bigint[]) AS asked (place)
CROSS JOIN LATERAL (
    SELECT records FROM journal WHERE shard = (asked.place >> {block_bits})::int AND block = asked.place & {block_mask} OFFSET 0
) AS found

-- name: journal_references
SELECT record FROM reference WHERE target = $1 ORDER BY record

-- name: journal_reviews
SELECT record FROM review WHERE status = $1 ORDER BY record_time, record

-- name: review_end
UPDATE review SET status = ended.status
FROM unnest($1::bigint[], $2::smallint[]) AS ended (record, status) WHERE review.record = ended.record

-- name: review_all
SELECT record, record_time, status FROM review ORDER BY record

-- name: journal_clock
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint

-- name: snapshot_time
-- When this transaction began: what was committed before is in its snapshot.
SELECT floor(extract(epoch FROM now()) * 1000)::bigint

-- name: journal_takeover
-- Sessions whose name starts with $1, except those of the writer named $2; waits up to $3 ms for each to be gone.
SELECT pid, pg_terminate_backend(pid, $3) FROM pg_stat_activity
WHERE datname = current_database() AND starts_with(application_name, $1) AND application_name <> $2

-- name: server_settings
SELECT current_setting('server_version_num')::int AS version,
       current_setting('fsync') AS fsync,
       current_setting('synchronous_commit') AS synchronous_commit

-- name: server_encoding
SELECT current_setting('server_encoding')

-- name: segment_allocate
-- For the shard $1 on the timeline $2. Where that is a new one, 256 numbers are left out, which may have been claimed and lost, and as many
-- for each timeline between. No row comes back when another session took the number at the same moment.
INSERT INTO segment (segment, shard, timeline) SELECT coalesce(max(last.number), 1), $1, $2
FROM (SELECT segment + 1 + 256 * least(64, abs($2 - timeline)) AS number FROM segment ORDER BY segment DESC LIMIT 1) last
ON CONFLICT DO NOTHING RETURNING segment

-- name: segments_closed
-- Those of another timeline than $1.
SELECT segment FROM segment WHERE timeline <> $1

-- name: segments_know_timelines
-- Of a backup that an older version made they do not; with the migration they have none that a server has.
SELECT EXISTS (
    SELECT FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = 'segment' AND column_name = 'timeline'
)

-- name: segments_restored
-- In a backup all may be old. What was claimed since is left out: few of the 16,384 numbers of which one is drawn, and another each time.
WITH closed AS (UPDATE segment SET timeline = -1)
INSERT INTO segment (segment, shard, timeline)
SELECT max(segment) + 1 + floor(random() * 16384)::int, 0, -1 FROM segment HAVING count(*) > 0

-- name: cluster_value_create
INSERT INTO cluster (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: cluster_value
SELECT value FROM cluster WHERE key = $1

-- name: sessions_max
SHOW max_connections

-- name: lock_take
SELECT pg_advisory_lock($1, $2)

-- name: backtest_lock
-- One at a time on a database, whichever front door it is asked of; held until the session ends.
SELECT pg_try_advisory_lock(hashtextextended('shardpay backtest', 0))

-- name: key_turn
-- One at a time with this key (and its account) on a database, whichever front door it is asked of; held until the session ends.
SELECT pg_advisory_lock(hashtextextended('shardpay key ' || $1, 0))

-- name: accounts
SELECT id FROM account ORDER BY id

-- name: lock_look
SELECT 1

-- name: lock_holder
SELECT activity.pid, activity.application_name, activity.client_addr::text AS client, activity.backend_start
FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid::bigint = $1 AND objid::bigint = $2
  AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())

-- name: migration_table
CREATE TABLE IF NOT EXISTS migration (
    number int PRIMARY KEY, name text NOT NULL, sha256 bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: migration_table_exists
SELECT to_regclass('migration') IS NOT NULL

-- name: migrations_applied
SELECT number, name, sha256 FROM migration ORDER BY number

-- name: migration_record
INSERT INTO migration (number, name, sha256) VALUES ($1, $2, $3)

-- name: backup_tables
SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'

-- name: backup_foreign_keys
SELECT source.relname AS source, target.relname AS target
FROM pg_constraint
JOIN pg_class AS source ON source.oid = conrelid
JOIN pg_class AS target ON target.oid = confrelid
WHERE contype = 'f' AND connamespace = current_schema()::regnamespace

-- name: backup_bytes
-- For a progress bar: about what the files will be.
SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'

-- name: backup_sequences
SELECT sequencename AS name, last_value AS value FROM pg_sequences
WHERE schemaname = current_schema() AND last_value IS NOT NULL

-- name: restore_sequence
SELECT setval($1::text::regclass, $2)

-- name: segment_owners
SELECT segment, shard FROM segment WHERE segment > 0

-- name: journal_records
-- Records by address, as many of $1 as there are, in its order; OFFSET 0 as in `journal_blocks`.
SELECT asked.address, found.record FROM unnest($1::bigint[]) AS asked (address)
CROSS JOIN LATERAL (
    SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (asked.address & {slot_mask})::int FOR {record_bytes}) AS record FROM journal
    WHERE shard = (asked.address >> {shard_shift})::int AND block = (asked.address >> {block_shift}) & {block_mask}
      AND length(records) >= {header_bytes} + {record_bytes} * ((asked.address & {slot_mask})::int + {decision_at})
    OFFSET 0
) AS found

-- name: reference_all
SELECT target, record FROM reference ORDER BY target, record

-- name: anchor_all
SELECT wallet, shard, chain_time, record FROM anchor ORDER BY wallet, shard, chain_time, record

-- name: order_number_all
SELECT account, number, receipt, record FROM order_number ORDER BY account, number

-- name: credit_all
SELECT wallet, record, kind, about, account FROM credit ORDER BY record

-- name: suspended_all
SELECT movement, leg FROM suspended ORDER BY movement

-- name: late_add
-- Late records of shard $1 (see records/late.py), by their wallets, effective times, addresses, those of the records before them, amounts.
-- All of a wallet's that are booked before are there, so what its run and its total begin with is in its newest row.
WITH listed AS (
    SELECT *, previous IS DISTINCT FROM lag(record) OVER along AS begins, sum(amount) OVER along AS added
    FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) AS each (wallet, effective, record, previous, amount)
    WINDOW along AS (PARTITION BY wallet ORDER BY record)
), runs AS (
    SELECT *, first_value(previous) OVER (PARTITION BY wallet, run ORDER BY record) AS first
    FROM (SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY wallet ORDER BY record) AS run FROM listed) AS numbered
)
INSERT INTO late (wallet, shard, effective, record, before, amount, total)
SELECT wallet, $1, effective, runs.record, CASE WHEN runs.first = newest.record THEN newest.before ELSE runs.first END, amount,
       coalesce(newest.total, 0) + added
FROM (SELECT DISTINCT wallet FROM runs) AS owner
LEFT JOIN LATERAL (
    SELECT record, before, total FROM late WHERE late.wallet = owner.wallet AND shard = $1 ORDER BY record DESC LIMIT 1
) AS newest ON true
JOIN runs USING (wallet)

-- name: late_sum_add
-- What late records of shard $1 add to the sums of their spans of time, by wallets, effective times and amounts.
INSERT INTO late_sum AS kept (wallet, shard, width, span, amount)
SELECT wallet, $1, width, effective >> width, sum(amount)
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS each (wallet, effective, amount) CROSS JOIN unnest({late_widths}) AS width
GROUP BY wallet, width, effective >> width
ON CONFLICT (wallet, shard, width, span) DO UPDATE SET amount = kept.amount + excluded.amount

-- name: late_all
SELECT wallet, shard, effective, record, before, amount, total FROM late ORDER BY shard, record, wallet

-- name: late_sum_all
SELECT wallet, shard, width, span, amount FROM late_sum ORDER BY wallet, shard, width, span

-- name: fallback
-- What decides when no scorer answers.
SELECT revision, deployment.live, fallback FROM deployment JOIN rule_pack ON number = deployment.live ORDER BY revision DESC LIMIT 1

-- name: admin_log_head
-- Its last entry, and that entry's hash.
SELECT number, hash FROM admin_log ORDER BY number DESC LIMIT 1

-- name: admin_log_all
SELECT * FROM admin_log ORDER BY number
