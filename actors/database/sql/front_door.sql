-- Statements of the front door's stores, by name; see actors/database/connection.py for how they are read.

-- name: pool_check
SELECT 1

-- name: segment_owners
SELECT segment, shard FROM segment

-- name: journal_heads
-- The newest block of each of these shards, and how many segments it owns.
SELECT place.shard, head.block, head.records,
       (SELECT count(*) FROM segment WHERE segment.shard = place.shard) AS segments
FROM unnest($1::int[]) AS place (shard)
LEFT JOIN LATERAL (
    SELECT block, records FROM journal WHERE journal.shard = place.shard ORDER BY block DESC LIMIT 1
) AS head ON true

-- name: event_blocks
-- From each place (shard, block) on at most $3 blocks, and one after another until their details have $4 bytes; one statement, so all are of
-- one snapshot. `there`: how many blocks there are of those $3.
SELECT next.shard, next.block, next.records, next.details, next.there
FROM unnest($1::int[], $2::bigint[]) AS place (shard, block)
CROSS JOIN LATERAL (
    SELECT shard, block, records, details, count(*) OVER () AS there,
           sum(size) OVER (ORDER BY block) - size AS before
    FROM (
        SELECT shard, block, records, details, coalesce(octet_length(details), 0) AS size FROM journal
        WHERE journal.shard = place.shard AND journal.block >= place.block ORDER BY journal.block LIMIT $3
    ) AS sized
) AS next
WHERE next.before < $4

-- name: event_blocks_holding
-- Of the newest $2 blocks of each shard those whose details hold these bytes, the newest $4 of them.
SELECT found.shard, found.block, found.records, found.details
FROM unnest($1::int[]) AS place (shard)
CROSS JOIN LATERAL (
    SELECT shard, block, records, details FROM journal
    WHERE journal.shard = place.shard
      AND journal.block > (SELECT max(block) FROM journal WHERE journal.shard = place.shard) - $2
      AND position($3::bytea IN details) > 0
    ORDER BY journal.block DESC LIMIT $4
) AS found

-- name: event_heads
SELECT head.shard, head.block
FROM unnest($1::int[]) AS place (shard)
CROSS JOIN LATERAL (
    SELECT shard, block FROM journal WHERE journal.shard = place.shard ORDER BY journal.block DESC LIMIT 1
) AS head

-- name: event_places_ahead
-- Whether one of the places (shard, block) lies beyond the block after the newest: then the one before it is not there.
SELECT EXISTS (
    SELECT FROM unnest($1::int[], $2::bigint[]) AS place (shard, block)
    WHERE place.block > 1
      AND NOT EXISTS (SELECT FROM journal WHERE journal.shard = place.shard AND journal.block = place.block - 1)
)

-- name: records_with_details
-- Records at addresses, with the details of their blocks, and whether anything refers to them.
SELECT place.address, substring(records FROM 1 + {header_bytes} + {record_bytes} * (place.address & {slot_mask})::int FOR {record_bytes}) AS record, details,
       EXISTS (SELECT FROM reference WHERE target = place.address) AS referred
FROM unnest($1::bigint[]) AS place (address)
JOIN journal ON shard = (place.address >> {shard_shift})::int AND block = (place.address >> {block_shift}) & {block_mask}

-- name: events_at
-- Records at addresses, ascending, with the details of each block once, beside the first of its records; those of as many blocks as follow less
-- than $2 bytes of details, of one at least. A record is null where there is none. OFFSET 0: each block is looked up by the key.
SELECT address, record, details FROM (
    SELECT place.address, found.record, first.details,
           sum(octet_length(first.details)) OVER (ORDER BY place.address >> {block_shift} RANGE UNBOUNDED PRECEDING EXCLUDE GROUP) AS before
    FROM (SELECT address, lag(address >> {block_shift}) OVER (ORDER BY address) AS block_before FROM unnest($1::bigint[]) AS asked (address)) AS place
    LEFT JOIN LATERAL (
        SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (place.address & {slot_mask})::int FOR {record_bytes}) AS record, details
        FROM journal WHERE shard = (place.address >> {shard_shift})::int AND block = (place.address >> {block_shift}) & {block_mask}
        OFFSET 0
    ) AS found ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN place.address >> {block_shift} IS DISTINCT FROM place.block_before THEN found.details END AS details
    ) AS first
) AS placed
WHERE coalesce(before, 0) < $2 ORDER BY address

-- name: records_at
-- Records at addresses, as many as there are; for the layout see wallet_chain. OFFSET 0: each is looked up by the key.
SELECT asked.address, found.record FROM unnest($1::bigint[]) AS asked (address)
CROSS JOIN LATERAL (
    SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (asked.address & {slot_mask})::int FOR {record_bytes}) AS record FROM journal
    WHERE shard = (asked.address >> {shard_shift})::int AND block = (asked.address >> {block_shift}) & {block_mask}
      AND length(records) >= {header_bytes} + {record_bytes} * ((asked.address & {slot_mask})::int + {decision_at})
    OFFSET 0
) AS found

-- name: event_times
-- Record times at addresses.
SELECT place.address, shardpay_int8(records, {header_bytes} + {record_bytes} * (place.address & {slot_mask})::int + {record_time_at}) AS time
FROM unnest($1::bigint[]) AS place (address)
JOIN journal ON shard = (place.address >> {shard_shift})::int AND block = (place.address >> {block_shift}) & {block_mask}

-- name: key_find
-- Once a minute it is noted that a key is in use; no front door waits for another that notes it too.
WITH used AS (
    UPDATE api_key SET last_used_at = now() WHERE id IN (
        SELECT id FROM api_key
        WHERE hash = ANY($1) AND revoked_at IS NULL AND coalesce(expires_at > now(), true)
          AND coalesce(last_used_at < now() - interval '1 minute', true)
        FOR UPDATE SKIP LOCKED
    )
)
SELECT key.id, key.hash, key.account, key.scopes, account.bound, coalesce(key.reads_per_s, 0) AS reads_per_s,
       coalesce(key.writes_per_s, 0) AS writes_per_s,
       ARRAY(SELECT address FROM account_wallet WHERE account_wallet.account = key.account) AS wallets,
       ARRAY(SELECT owner FROM account_owner WHERE account_owner.account = key.account) AS owners,
       ARRAY(SELECT name FROM account_scenario WHERE account_scenario.account = key.account) AS scenarios
FROM api_key AS key JOIN account ON account.id = key.account
WHERE key.hash = ANY($1) AND key.revoked_at IS NULL AND coalesce(key.expires_at > now(), true)

-- name: key_account
INSERT INTO account (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id

-- name: account_bound
SELECT bound, EXISTS (SELECT FROM api_key WHERE api_key.account = account.id) AS keys FROM account WHERE id = $1

-- name: account_bind
-- How many wallets and owners it is bound to then. The statement does not see its own inserts.
WITH made AS (
    UPDATE account SET bound = true WHERE id = $1
), wallet AS (
    INSERT INTO account_wallet (account, address) SELECT $1, address FROM unnest($2::bigint[]) AS given (address)
    ON CONFLICT DO NOTHING RETURNING address
), owned AS (
    INSERT INTO account_owner (account, owner) SELECT $1, owner FROM unnest($3::text[]) AS given (owner)
    ON CONFLICT DO NOTHING RETURNING owner
)
SELECT (SELECT count(*) FROM account_wallet WHERE account = $1) + (SELECT count(*) FROM wallet) AS wallets,
       (SELECT count(*) FROM account_owner WHERE account = $1) + (SELECT count(*) FROM owned) AS owners

-- name: key_create
INSERT INTO api_key (id, account, name, scopes, hash, expires_at, reads_per_s, writes_per_s)
VALUES ($1, $2, $3, $4, $5, coalesce($6, now() + $7::interval), $8, $9)
RETURNING expires_at

-- name: key_rotated
-- The new key of the same account, scopes and limits works at once, the old one for as long as both overlap. $5: whether the new one ends when
-- the old one would have; else at $6 or in $7, if either is given. Rotated again, the old one gives the end that it had at first.
WITH old AS (
    UPDATE api_key SET expires_at = least(expires_at, now() + $4::interval),
                       end_before_rotation = coalesce(end_before_rotation, expires_at, 'infinity')
    WHERE id = $1 AND revoked_at IS NULL AND coalesce(expires_at > now(), true)
    RETURNING account, name, scopes, reads_per_s, writes_per_s, end_before_rotation
)
INSERT INTO api_key (id, account, name, scopes, hash, expires_at, reads_per_s, writes_per_s)
SELECT $2, account, name, scopes, $3,
       CASE WHEN $5 THEN nullif(end_before_rotation, 'infinity') ELSE coalesce($6, now() + $7::interval) END,
       reads_per_s, writes_per_s FROM old
RETURNING name, scopes, expires_at

-- name: key_ensure
-- A key that was revoked stays revoked. Its id when anything is new.
INSERT INTO api_key (id, account, name, scopes, hash) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (hash) DO UPDATE SET scopes = excluded.scopes WHERE api_key.scopes <> excluded.scopes
RETURNING id

-- name: key_any
SELECT EXISTS (SELECT FROM api_key WHERE revoked_at IS NULL AND coalesce(expires_at > now(), true))

-- name: key_page
-- At most $3 keys (NULL: all), newest first, behind the one made at $1 with the id $2; of the account $4, or the one key $5, where given.
SELECT key.id, key.account, key.name, key.scopes, key.created_at, key.revoked_at, key.expires_at, key.last_used_at,
       key.reads_per_s, key.writes_per_s,
       coalesce(key.expires_at <= now(), false) AS expired, account.bound,
       ARRAY(SELECT address FROM account_wallet WHERE account_wallet.account = key.account) AS wallets,
       ARRAY(SELECT owner FROM account_owner WHERE account_owner.account = key.account) AS owners,
       ARRAY(SELECT name FROM account_scenario WHERE account_scenario.account = key.account) AS scenarios
FROM api_key AS key JOIN account ON account.id = key.account
WHERE ($1::timestamptz IS NULL OR (key.created_at, key.id) < ($1, $2::uuid)) AND ($4::int IS NULL OR key.account = $4)
  AND ($5::uuid IS NULL OR key.id = $5)
ORDER BY key.created_at DESC, key.id DESC LIMIT $3

-- name: key_change
-- The end and the limits of a key that works; $2, $4, $6: which of them. Of a key that was rotated, an end before its first one is that of the
-- overlap: rotated again, it still gives the first one.
UPDATE api_key SET expires_at = CASE WHEN $2 THEN $3::timestamptz ELSE expires_at END,
                   end_before_rotation = CASE WHEN NOT $2 OR $3::timestamptz <= end_before_rotation THEN end_before_rotation END,
                   reads_per_s = CASE WHEN $4 THEN $5::int ELSE reads_per_s END,
                   writes_per_s = CASE WHEN $6 THEN $7::int ELSE writes_per_s END
WHERE id = $1 AND revoked_at IS NULL AND coalesce(expires_at > now(), true) RETURNING id

-- name: keys_lock
-- Who takes away a key that can make keys does so one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('shardpay keys', 0))

-- name: key_is_last
-- Whether a key can make keys of all accounts and no other one can.
SELECT 1 = count(*) AND bool_or(key.id = $1) AS last
FROM api_key AS key JOIN account ON account.id = key.account
WHERE 'keys' = ANY (key.scopes) AND NOT account.bound AND key.revoked_at IS NULL AND coalesce(key.expires_at > now(), true)

-- name: key_revoke
UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING id

-- name: batch_key_use
-- The digest of what holds this key, and its answer if that is recorded: a key whose time is over is as if it were new.
INSERT INTO batch_key AS known (account, key, digest) VALUES ($1, $2, $3)
ON CONFLICT (account, key) DO UPDATE SET
    digest = CASE WHEN known.used_at < now() - $4::interval THEN excluded.digest ELSE known.digest END,
    answer = CASE WHEN known.used_at < now() - $4::interval THEN NULL ELSE known.answer END,
    used_at = CASE WHEN known.used_at < now() - $4::interval THEN now() ELSE known.used_at END
RETURNING digest, answer

-- name: batch_key_answer
UPDATE batch_key SET answer = $3 WHERE account = $1 AND key = $2

-- name: batch_key_release
DELETE FROM batch_key WHERE account = $1 AND key = $2 AND answer IS NULL

-- name: batch_keys_forget
DELETE FROM batch_key WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM batch_key WHERE used_at < now() - $1::interval ORDER BY used_at LIMIT $2
)) AND used_at < now() - $1::interval RETURNING account

-- name: wallet_reserve
-- Rows whose key or external id is taken already are left out; the next statements say by what.
INSERT INTO wallet_profile
    (account, key_hash, digest, external_id, owner, attributes, metadata, kind, currency, home)
SELECT $1, key_hash, digest, external_id, owner, attributes::jsonb, metadata::jsonb, kind, currency, home
FROM unnest($2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::smallint[],
            $9::smallint[], $10::int[])
  AS row (key_hash, digest, external_id, owner, attributes, metadata, kind, currency, home)
ON CONFLICT DO NOTHING

-- name: wallet_slots_lock
SELECT pg_advisory_xact_lock(hashtextextended('shardpay wallet slots', 0))

-- name: wallet_slots_give
UPDATE wallet_profile SET slot = numbered.slot
FROM (
    SELECT key_hash, (SELECT coalesce(max(slot), 1023) FROM wallet_profile) + row_number() OVER (ORDER BY key_hash)
    FROM wallet_profile
    WHERE account = $1 AND key_hash = ANY ($2::bytea[]) AND kind = ANY ($3::smallint[]) AND slot IS NULL
) AS numbered (key_hash, slot)
WHERE wallet_profile.account = $1 AND wallet_profile.key_hash = numbered.key_hash

-- name: wallet_reserved
SELECT key_hash, digest, external_id, home, slot, address FROM wallet_profile
WHERE account = $1 AND key_hash = ANY ($2::bytea[])

-- name: wallet_external_ids
SELECT account, key_hash, digest, external_id, home, slot, address FROM wallet_profile
WHERE external_id = ANY ($1::text[])

-- name: wallet_opened
-- Rows are locked in the order of their keys: equal batches at once must not wait for each other in a circle.
WITH locked AS MATERIALIZED (
    SELECT key_hash FROM wallet_profile
    WHERE account = $1 AND key_hash = ANY ($2::bytea[]) AND address IS NULL
    ORDER BY key_hash FOR UPDATE
)
UPDATE wallet_profile SET address = opened.address
FROM unnest($2::bytea[], $3::bigint[]) AS opened (key_hash, address) JOIN locked USING (key_hash)
WHERE wallet_profile.account = $1 AND wallet_profile.key_hash = opened.key_hash

-- name: wallet_profiles
SELECT address, external_id, owner, attributes::text, metadata::text FROM wallet_profile
WHERE address = ANY ($1::bigint[])

-- name: wallet_owners
SELECT address, owner FROM wallet_profile WHERE address = ANY ($1::bigint[]) AND owner IS NOT NULL

-- name: wallet_by_external_id
-- $4, $5: addresses and owners to which the caller is bound, null when it is not.
SELECT address FROM wallet_profile WHERE external_id = $1 AND address > $2
   AND ($4::bigint[] IS NULL OR address = ANY ($4) OR owner = ANY ($5::text[]))
ORDER BY address LIMIT $3

-- name: wallet_by_owner
SELECT address FROM wallet_profile WHERE owner = $1 AND address > $2
   AND ($4::bigint[] IS NULL OR address = ANY ($4) OR owner = ANY ($5::text[]))
ORDER BY address LIMIT $3

-- name: wallet_patch
-- Each field with a flag that says whether to set it. A built-in wallet has no profile, so nothing to patch.
UPDATE wallet_profile SET
    owner = CASE WHEN $2 THEN $3::text ELSE owner END,
    attributes = CASE WHEN $4 THEN $5::text::jsonb ELSE attributes END,
    metadata = CASE WHEN $6 THEN $7::text::jsonb ELSE metadata END
WHERE address = $1
RETURNING address

-- name: transfer_parts
-- Of each of these records what refers to it, and what refers to that (a capture of a hold can be refunded), oldest first: at most $2, what
-- ended the record or its review among them; and what all captures and refunds come to. Looks at $3 of each, null: at all. Names in braces:
-- see record_layout.py.
SELECT asked.address AS root, listed.* FROM unnest($1::bigint[]) AS asked (address)
CROSS JOIN LATERAL (
    WITH RECURSIVE part AS (
        SELECT target, record FROM reference WHERE target = asked.address
      UNION ALL
        SELECT reference.target, reference.record FROM part JOIN reference ON reference.target = part.record
    ), chosen AS (
        SELECT part.target, part.record AS address, one.record, at.time,
               sum(at.amount) FILTER (WHERE at.kind = {capture}) OVER () AS captured,
               sum(at.amount) FILTER (WHERE at.kind = {refund}) OVER () AS refunded
        FROM (SELECT target, record FROM part LIMIT $3) AS part
        JOIN journal ON shard = (part.record >> {shard_shift})::int AND block = (part.record >> {block_shift}) & {block_mask}
        CROSS JOIN LATERAL (SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (part.record & {slot_mask})::int FOR {record_bytes})) AS one (record)
        CROSS JOIN LATERAL (
            SELECT get_byte(one.record, {kind_at}), shardpay_int8(one.record, {amount_at}), shardpay_int8(one.record, {record_time_at})
            OFFSET 0
        ) AS at (kind, amount, time)
        ORDER BY at.kind NOT IN ({capture}, {refund}) OR get_byte(one.record, {flags_at}) & {flag_final} <> 0 OR get_byte(one.record, {flags_at} + 1) & ({flag_review} >> 8) <> 0 DESC,
                 at.time, part.record
        LIMIT $2
    )
    SELECT target, address, record, coalesce(captured, 0)::bigint AS captured, coalesce(refunded, 0)::bigint AS refunded
    FROM chosen ORDER BY time, address
) AS listed

-- name: transfer_parts_after
-- What refers to a record, in the order of addresses, each followed by what refers to it (a capture of a hold can be refunded): the first $4
-- behind a place. A place is a part ($2) and what refers to that ($3), 0: the part itself. Looks at no more of `reference` than $4 parts have
-- of $4 each, and at no more records than it gives.
SELECT step.part, step.behind, found.record
FROM (
    SELECT part.record AS part, each.behind
    FROM (SELECT record FROM reference WHERE target = $1 AND record >= $2 ORDER BY record LIMIT $4::int + 1) AS part
    CROSS JOIN LATERAL (
        SELECT 0::bigint AS behind WHERE part.record > $2
      UNION ALL
        (SELECT record FROM reference WHERE target = part.record AND record > CASE WHEN part.record = $2 THEN $3::bigint ELSE 0 END
         ORDER BY record LIMIT $4)
    ) AS each
    ORDER BY part, behind LIMIT $4
) AS step
CROSS JOIN LATERAL (SELECT coalesce(nullif(step.behind, 0), step.part) AS address) AS at
CROSS JOIN LATERAL (
    SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (at.address & {slot_mask})::int FOR {record_bytes}) AS record FROM journal
    WHERE shard = (at.address >> {shard_shift})::int AND block = (at.address >> {block_shift}) & {block_mask}
    OFFSET 0
) AS found
ORDER BY step.part, step.behind

-- name: suspended
-- Which of these movements' credits lie on suspense.
SELECT movement FROM suspended WHERE movement = ANY ($1::bigint[])

-- name: review_page
-- Cases of status $1 in order of time behind the place ($2, $3), with their answer, if they have one; of open ones those that live on
-- after $5; with $6 only those that this account works on, with $7 only those of nobody, with $8 only those that are due before that time.
SELECT review.record AS address, one.record, journal.details, answer.record AS answer
FROM review
JOIN journal ON shard = (review.record >> {shard_shift})::int AND block = (review.record >> {block_shift}) & {block_mask}
CROSS JOIN LATERAL (SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (review.record & {slot_mask})::int FOR {record_bytes})) AS one (record)
LEFT JOIN LATERAL (
    SELECT substring(answers.records FROM 1 + {header_bytes} + {record_bytes} * (reference.record & {slot_mask})::int FOR {record_bytes}) AS record
    FROM reference
    JOIN journal AS answers ON answers.shard = (reference.record >> {shard_shift})::int
         AND answers.block = (reference.record >> {block_shift}) & {block_mask}
    WHERE reference.target = review.record ORDER BY reference.record LIMIT 1
) AS answer ON status <> 0
WHERE status = $1 AND (record_time, review.record) > ($2, $3)
  AND (status <> 0 OR shardpay_int8(one.record, {expiry_at}) > $5)
  AND ($6::int IS NULL OR EXISTS (SELECT FROM review_assignee WHERE review_assignee.record = review.record AND account = $6))
  AND NOT ($7 AND EXISTS (SELECT FROM review_assignee WHERE review_assignee.record = review.record))
  AND ($8::bigint IS NULL OR shardpay_int8(one.record, {expiry_at}) < $8)
ORDER BY record_time, review.record LIMIT $4

-- name: review_ends
-- How reviews at addresses $1 stand at time $2: an open one is expired (3) from its expiry on.
SELECT record, CASE WHEN status = 0 AND shardpay_int8(records, {header_bytes} + {record_bytes} * (record & {slot_mask})::int + {expiry_at}) <= $2 THEN 3 ELSE status END AS status
FROM review
JOIN journal ON shard = (record >> {shard_shift})::int AND block = (record >> {block_shift}) & {block_mask}
WHERE record = ANY ($1::bigint[])

-- name: account_names
SELECT id, name FROM account WHERE id = ANY ($1::int[])

-- name: chain_at
-- The newest record of a wallet's chain on shard $2 that is not after a time $3, walking back from the next anchor or else from the newest
-- durable one of its places $4. For $5, $6 and `superseded` see wallet_chain. `newest`: that durable one, null: none
-- is. `late`: whether the wallet has late records (see records/late.py), `later`: what those after the one found add up to that time; what
-- was booked after `newest` since the shard named its places is taken out again. OFFSET 0: that is found along the chain, not by its times.
WITH RECURSIVE newest AS MATERIALIZED (
    SELECT max(place.address) AS address
    FROM unnest($4::bigint[]) AS place (address)
    JOIN journal ON shard = (place.address >> {shard_shift})::int AND block = (place.address >> {block_shift}) & {block_mask}
), chain AS (
    SELECT start.address, 1 AS step, one.record
    FROM newest
    CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT record FROM anchor WHERE wallet = $1 AND shard = $2 AND chain_time > $3 ORDER BY chain_time, record LIMIT 1),
            newest.address)
    ) AS start (address)
    JOIN journal ON shard = (start.address >> {shard_shift})::int AND block = (start.address >> {block_shift}) & {block_mask}
    CROSS JOIN LATERAL (SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (start.address & {slot_mask})::int FOR {record_bytes})) AS one (record)
  UNION ALL
    SELECT previous.address, chain.step + 1, one.record
    FROM chain
    CROSS JOIN LATERAL (
        SELECT CASE WHEN get_byte(chain.record, {kind_at}) BETWEEN {transfer} AND {approval} AND shardpay_int8(chain.record, {payer_at}) = $1
                    THEN shardpay_int8(chain.record, {payer_prev_at}) ELSE shardpay_int8(chain.record, {payee_prev_at}) END,
               shardpay_chain_time(shardpay_int8(chain.record, {effective_time_at}), shardpay_int8(chain.record, {payer_lag_at})
                   >> CASE WHEN get_byte(chain.record, {kind_at}) BETWEEN {transfer} AND {approval} AND shardpay_int8(chain.record, {payer_at}) = $1
                           THEN 0 ELSE 32 END & 4294967295)
        OFFSET 0
    ) AS previous (address, time_after)
    JOIN journal ON shard = (previous.address >> {shard_shift})::int AND block = (previous.address >> {block_shift}) & {block_mask}
    CROSS JOIN LATERAL (SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (previous.address & {slot_mask})::int FOR {record_bytes})) AS one (record)
    WHERE previous.address > 0 AND previous.time_after > $3
)
SELECT EXISTS (
           SELECT FROM unnest($5::bigint[]) AS successor (number)
           JOIN journal ON shard = $2 AND block = successor.number WHERE shardpay_int8(records, {writer_at}) <> $6
       ) OR cardinality($5::bigint[]) > 0 AND NOT EXISTS (
           SELECT FROM journal WHERE shard = $2 AND block = ($5::bigint[])[1] - 1 AND shardpay_int8(records, {writer_at}) = $6
       ) AS superseded,
       newest.address AS newest, found.address, found.record,
       kept.late,
       CASE WHEN kept.late AND coalesce(found.address, 0) < newest.address THEN coalesce((
           SELECT sum(spans.amount) FROM unnest({late_widths}) AS width
           CROSS JOIN LATERAL (
               SELECT sum(amount) AS amount FROM late_sum
               WHERE wallet = $1 AND shard = $2 AND late_sum.width = width.width AND span < ($3::bigint + 1) >> width.width
                 AND span >= CASE WHEN width.width = {late_width_max} THEN -1::bigint << 62
                                  ELSE ($3::bigint + 1) >> (width.width + {late_span_bits}) << {late_span_bits} END
           ) AS spans
       ), 0) - coalesce((
           SELECT total FROM late WHERE wallet = $1 AND shard = $2 AND record <= coalesce(found.address, 0) ORDER BY record DESC LIMIT 1
       ), 0) - coalesce((
           SELECT sum(amount)
           FROM (SELECT effective, amount FROM late WHERE wallet = $1 AND shard = $2 AND record > newest.address OFFSET 0) AS since
           WHERE effective <= $3
       ), 0) ELSE 0 END::bigint AS later
FROM newest
CROSS JOIN (SELECT EXISTS (SELECT FROM late WHERE wallet = $1 AND shard = $2)) AS kept (late)
LEFT JOIN (
    SELECT last.address, last.record
    FROM (SELECT address, record FROM chain ORDER BY step DESC LIMIT 1) AS last
    WHERE shardpay_chain_time(shardpay_int8(last.record, {effective_time_at}), shardpay_int8(last.record, {payer_lag_at})
              >> CASE WHEN get_byte(last.record, {kind_at}) BETWEEN {transfer} AND {approval} AND shardpay_int8(last.record, {payer_at}) = $1
                      THEN 0 ELSE 32 END & 4294967295) <= $3
) AS found ON true

-- name: wallet_chain
-- A walk along a wallet's chain of previous records on shard $5, newest first, from the newest of the places $2 that is durable: at most
-- $3 movements that are not late, at most $4 steps; of a run of late records (see records/late.py) only the newest is stepped on. `late`:
-- whether the wallet has any. `superseded`: at one of the blocks $6 another than the writer $7 has written, or the one before the first of
-- them, which that writer knew to be stored, is gone: a failover lost it; it stands in each row, and where none of the places is durable
-- in one row without an address. Not the newest block is asked for: to find it, all that an append under way has written would be looked
-- at. OFFSET 0: else each use of an expression would work it out again. Kinds TRANSFER,
-- CAPTURE, REFUND and LEG move money; those from TRANSFER to APPROVAL lie on the payer's chain when the wallet is the payer. For a leg, `origin` is the movement on the sender's shard, else the record itself;
-- details come once for each block, and steps end where details have $8 bytes; `there`: how many there are.
WITH RECURSIVE chain AS (
    SELECT newest.address, 1 AS step, first.record, side.kind, side.paying, moved.late, (moved.money AND NOT moved.late)::int AS listed
    FROM (
        SELECT max(place.address)
        FROM unnest($2::bigint[]) AS place (address)
        JOIN journal ON shard = (place.address >> {shard_shift})::int AND block = (place.address >> {block_shift}) & {block_mask}
    ) AS newest (address)
    JOIN journal ON shard = (newest.address >> {shard_shift})::int AND block = (newest.address >> {block_shift}) & {block_mask}
    CROSS JOIN LATERAL (
        SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (newest.address & {slot_mask})::int FOR {record_bytes})
    ) AS first (record)
    CROSS JOIN LATERAL (
        SELECT get_byte(first.record, {kind_at}),
               get_byte(first.record, {kind_at}) BETWEEN {transfer} AND {approval}
               AND shardpay_int8(first.record, {payer_at}) = $1::bigint
        OFFSET 0
    ) AS side (kind, paying)
    CROSS JOIN LATERAL (
        SELECT side.kind IN ({transfer}, {capture}, {refund}, {leg}), side.kind IN ({transfer}, {capture}, {refund}, {leg})
               AND shardpay_int8(first.record, {payer_lag_at}) >> CASE WHEN side.paying THEN 0 ELSE 32 END & 4294967295 <> 0
        OFFSET 0
    ) AS moved (money, late)
  UNION ALL
    SELECT previous.address, chain.step + 1, one.record, side.kind, side.paying, moved.late,
           chain.listed + (moved.money AND NOT moved.late)::int
    FROM chain
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN chain.late THEN (SELECT before FROM late WHERE wallet = $1::bigint AND shard = $5 AND record = chain.address)
            WHEN chain.paying THEN shardpay_int8(chain.record, {payer_prev_at})
            ELSE shardpay_int8(chain.record, {payee_prev_at})
        END
        OFFSET 0
    ) AS previous (address)
    JOIN journal ON shard = (previous.address >> {shard_shift})::int AND block = (previous.address >> {block_shift}) & {block_mask}
    CROSS JOIN LATERAL (
        SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (previous.address & {slot_mask})::int FOR {record_bytes})
    ) AS one (record)
    CROSS JOIN LATERAL (
        SELECT get_byte(one.record, {kind_at}),
               get_byte(one.record, {kind_at}) BETWEEN {transfer} AND {approval}
               AND shardpay_int8(one.record, {payer_at}) = $1::bigint
        OFFSET 0
    ) AS side (kind, paying)
    CROSS JOIN LATERAL (
        SELECT side.kind IN ({transfer}, {capture}, {refund}, {leg}), side.kind IN ({transfer}, {capture}, {refund}, {leg})
               AND shardpay_int8(one.record, {payer_lag_at}) >> CASE WHEN side.paying THEN 0 ELSE 32 END & 4294967295 <> 0
        OFFSET 0
    ) AS moved (money, late)
    WHERE previous.address > 0 AND chain.listed < $3 AND chain.step < $4
)
SELECT owner.superseded, walked.step, walked.address, walked.record, walked.origin, walked.origin_record, walked.details, walked.there,
       EXISTS (SELECT FROM late WHERE wallet = $1::bigint AND shard = $5) AS late
FROM (
    SELECT EXISTS (
        SELECT FROM unnest($6::bigint[]) AS successor (number)
        JOIN journal ON shard = $5 AND block = successor.number WHERE shardpay_int8(records, {writer_at}) <> $7
    ) OR cardinality($6::bigint[]) > 0 AND NOT EXISTS (
        SELECT FROM journal WHERE shard = $5 AND block = ($6::bigint[])[1] - 1 AND shardpay_int8(records, {writer_at}) = $7
    )
) AS owner (superseded)
LEFT JOIN (
    SELECT *, count(*) OVER () AS there,
           sum(octet_length(details)) OVER (ORDER BY step ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM (
        SELECT chain.step, chain.address, chain.record, origin.address AS origin,
               substring(journal.records FROM 1 + {header_bytes} + {record_bytes} * (origin.address & {slot_mask})::int FOR {record_bytes}) AS origin_record,
               CASE WHEN row_number() OVER (PARTITION BY journal.shard, journal.block ORDER BY chain.step) = 1
                    THEN journal.details END AS details
        FROM chain
        CROSS JOIN LATERAL (
            SELECT CASE WHEN chain.kind = {leg} THEN shardpay_int8(chain.record, {reference_at}) ELSE chain.address END
        ) AS origin (address)
        JOIN journal ON shard = (origin.address >> {shard_shift})::int AND block = (origin.address >> {block_shift}) & {block_mask}
    ) AS detailed
) AS walked ON coalesce(walked.before, 0) < $8
ORDER BY walked.step

-- name: late_page
-- Late records (see records/late.py) of a wallet on shard $2, newest effective time first: from the place (effective time $3, address $4) on,
-- of what is booked up to $5, not before a time $6, at most $7; with their details as in wallet_chain. `next_*`: the place after each.
SELECT walked.*
FROM (
    SELECT *, count(*) OVER () AS there,
           sum(octet_length(details)) OVER (ORDER BY step ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM (
        SELECT chosen.*, substring(own.records FROM 1 + {header_bytes} + {record_bytes} * (chosen.address & {slot_mask})::int FOR {record_bytes}) AS record, origin.address AS origin,
               substring(journal.records FROM 1 + {header_bytes} + {record_bytes} * (origin.address & {slot_mask})::int FOR {record_bytes}) AS origin_record,
               CASE WHEN row_number() OVER (PARTITION BY journal.shard, journal.block ORDER BY chosen.step) = 1
                    THEN journal.details END AS details
        FROM (
            SELECT record AS address, row_number() OVER place AS step, lead(effective) OVER place AS next_effective,
                   lead(record) OVER place AS next_address
            FROM (
                SELECT effective, record FROM late
                WHERE wallet = $1 AND shard = $2 AND (effective, record) <= ($3, $4) AND effective >= $6 AND record <= $5
                ORDER BY effective DESC, record DESC LIMIT $7
            ) AS page
            WINDOW place AS (ORDER BY effective DESC, record DESC)
        ) AS chosen
        JOIN journal AS own ON own.shard = $2 AND own.block = (chosen.address >> {block_shift}) & {block_mask}
        CROSS JOIN LATERAL (
            SELECT CASE WHEN get_byte(own.records, {header_bytes} + {record_bytes} * (chosen.address & {slot_mask})::int) = {leg}
                        THEN shardpay_int8(own.records, {header_bytes} + {record_bytes} * (chosen.address & {slot_mask})::int + {reference_at}) ELSE chosen.address END
        ) AS origin (address)
        JOIN journal ON journal.shard = (origin.address >> {shard_shift})::int AND journal.block = (origin.address >> {block_shift}) & {block_mask}
    ) AS detailed
) AS walked
WHERE coalesce(walked.before, 0) < $8
ORDER BY walked.step

-- name: documents_lock
-- Versions and revisions are given out one at a time.
SELECT pg_advisory_xact_lock(hashtextextended('shardpay documents', 0))

-- name: pack_add
-- The next version of a pack, under the next number.
INSERT INTO rule_pack
    (number, name, version, text, files, hash, card_name, card_version, rules, live, reasons, fallback, made_by)
SELECT (SELECT coalesce(max(number), 0) + 1 FROM rule_pack),
       $1, (SELECT coalesce(max(version), 0) + 1 FROM rule_pack WHERE name = $1), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
RETURNING number, version

-- name: pack_any
SELECT EXISTS (SELECT FROM rule_pack)

-- name: pack_newest
-- The newest version of each pack, in the order in which the packs were first published, without their texts.
SELECT first.number AS first, pack.number, pack.name, pack.version, '' AS text, '{}' AS files, hash, card_name, card_version, rules,
       live, reasons, fallback, made_at, account.name AS account
FROM (SELECT name, min(number) AS number, max(version) AS version FROM rule_pack GROUP BY name) AS first
JOIN rule_pack AS pack ON pack.name = first.name AND pack.version = first.version
LEFT JOIN account ON account.id = pack.made_by
WHERE first.number > $1 ORDER BY first.number LIMIT $2

-- name: pack_versions
-- The newest versions of a pack, newest first, without their texts.
SELECT pack.number, pack.name, pack.version, '' AS text, '{}' AS files, hash, card_name, card_version, rules, live, reasons,
       fallback, made_at, account.name AS account
FROM rule_pack AS pack LEFT JOIN account ON account.id = pack.made_by
WHERE pack.name = $1 ORDER BY pack.version DESC LIMIT $2

-- name: pack_last_version
SELECT coalesce(max(version), 0) FROM rule_pack WHERE name = $1

-- name: pack_one
-- A version of a pack, the newest when none is given.
SELECT pack.*, account.name AS account FROM rule_pack AS pack LEFT JOIN account ON account.id = pack.made_by
WHERE pack.name = $1 AND ($2::int IS NULL OR pack.version = $2) ORDER BY pack.version DESC LIMIT 1

-- name: pack_of_text
-- The newest version of a pack that has this text and these files.
SELECT pack.*, account.name AS account FROM rule_pack AS pack LEFT JOIN account ON account.id = pack.made_by
WHERE pack.name = $1 AND pack.text = $2 AND pack.files = $3 ORDER BY pack.version DESC LIMIT 1

-- name: pack_numbered
SELECT pack.*, account.name AS account FROM rule_pack AS pack LEFT JOIN account ON account.id = pack.made_by
WHERE pack.number = ANY ($1::int[]) ORDER BY pack.number

-- name: pack_names
SELECT number, name, version, rules, reasons FROM rule_pack WHERE number = ANY ($1::int[])

-- name: deployment_last
SELECT deployment.*, account.name AS account FROM deployment LEFT JOIN account ON account.id = deployment.made_by
ORDER BY revision DESC LIMIT 1

-- name: deployment_one
SELECT deployment.*, account.name AS account FROM deployment LEFT JOIN account ON account.id = deployment.made_by
WHERE revision = $1

-- name: deployment_add
INSERT INTO deployment (revision, live, challenger, share, shadows, made_by) VALUES ($1, $2, $3, $4, $5, $6)

-- name: deployment_changes
-- Newest first.
SELECT deployment.*, account.name AS account FROM deployment LEFT JOIN account ON account.id = deployment.made_by
ORDER BY revision DESC LIMIT $1

-- name: pack_count_add
-- In one order, so that scorers never wait for each other in a circle. Packs that a standby which is behind has not got are left out.
INSERT INTO pack_count (pack, what, item, count)
SELECT counted.* FROM unnest($1::int[], $2::text[], $3::int[], $4::bigint[]) AS counted (pack, what, item, count)
WHERE EXISTS (SELECT FROM rule_pack WHERE number = counted.pack)
ORDER BY pack, what, item
ON CONFLICT (pack, what, item) DO UPDATE SET count = pack_count.count + excluded.count

-- name: pack_counts
SELECT pack, what, item, count FROM pack_count WHERE pack = ANY ($1::int[])

-- name: card_add
INSERT INTO scorecard (number, name, version, document, hash, made_by)
SELECT coalesce(max(number), 0) + 1, $1, $2, $3, $4, $5 FROM scorecard

-- name: card_newest
-- As pack_newest.
SELECT first.number AS first, card.*, account.name AS account
FROM (SELECT name, min(number) AS number, max(version) AS version FROM scorecard GROUP BY name) AS first
JOIN scorecard AS card ON card.name = first.name AND card.version = first.version
LEFT JOIN account ON account.id = card.made_by
WHERE first.number > $1 ORDER BY first.number LIMIT $2

-- name: card_versions
-- As pack_versions.
SELECT card.name, card.version, '' AS document, hash, made_at, account.name AS account
FROM scorecard AS card LEFT JOIN account ON account.id = card.made_by
WHERE card.name = $1 ORDER BY card.version DESC LIMIT $2

-- name: card_last_version
SELECT coalesce(max(version), 0) FROM scorecard WHERE name = $1

-- name: card_one
-- As pack_one.
SELECT card.*, account.name AS account FROM scorecard AS card LEFT JOIN account ON account.id = card.made_by
WHERE card.name = $1 AND ($2::int IS NULL OR card.version = $2) ORDER BY card.version DESC LIMIT 1

-- name: card_users
-- Packs that name a version of a scorecard.
SELECT name, version FROM rule_pack WHERE card_name = $1 AND card_version = $2 ORDER BY name, version

-- name: scenario_newest
SELECT number, max(version) AS version FROM scenario GROUP BY number

-- name: scenario_some
SELECT scenario.*, account.name AS account
FROM unnest($1::int[], $2::int[]) AS wanted (number, version)
JOIN scenario USING (number, version)
LEFT JOIN account ON account.id = scenario.made_by

-- name: scenario_one
-- A version of a scenario, the newest when none is given.
SELECT scenario.*, account.name AS account FROM scenario LEFT JOIN account ON account.id = scenario.made_by
WHERE scenario.name = $1 AND ($2::int IS NULL OR scenario.version = $2) ORDER BY scenario.version DESC LIMIT 1

-- name: scenario_versions
-- The newest versions of a scenario, newest first, without their texts.
SELECT number, version, scenario.name, '' AS text, hash, made_at, account.name AS account
FROM scenario LEFT JOIN account ON account.id = scenario.made_by
WHERE scenario.name = $1 ORDER BY version DESC LIMIT $2

-- name: scenario_last
-- The newest version of a name, 0 = none, its hash, whether an account published any version, and how many names there are.
SELECT coalesce(max(version), 0) AS version, (array_agg(hash ORDER BY version DESC))[1] AS hash,
       coalesce(bool_or(made_by IS NOT NULL), false) AS theirs,
       (SELECT count(DISTINCT number) FROM scenario) AS names
FROM scenario WHERE name = $1

-- name: scenario_add
-- The next version of a name, under the number of the name.
INSERT INTO scenario (number, version, name, text, hash, made_by)
SELECT coalesce((SELECT number FROM scenario WHERE name = $1 LIMIT 1), (SELECT coalesce(max(number), 0) + 1 FROM scenario)),
       (SELECT coalesce(max(version), 0) + 1 FROM scenario WHERE name = $1), $1, $2, $3, $4

-- name: account_bind_scenarios
-- In how many scenarios the account may ask then. The statement does not see its own inserts.
WITH made AS (
    UPDATE account SET bound = true WHERE id = $1
), named AS (
    INSERT INTO account_scenario (account, name) SELECT $1, name FROM unnest($2::text[]) AS given (name)
    ON CONFLICT DO NOTHING RETURNING name
)
SELECT (SELECT count(*) FROM account_scenario WHERE account = $1) + (SELECT count(*) FROM named)

-- name: account_scenarios
SELECT count(*) FROM account_scenario WHERE account = $1

-- name: credit_records
-- Records at addresses with the details of their blocks, as records_with_details, in the order asked for.
SELECT place.address, substring(records FROM 1 + {header_bytes} + {record_bytes} * (place.address & {slot_mask})::int FOR {record_bytes}) AS record, details
FROM unnest($1::bigint[]) WITH ORDINALITY AS place (address, step)
JOIN journal ON shard = (place.address >> {shard_shift})::int AND block = (place.address >> {block_shift}) & {block_mask}
ORDER BY place.step

-- name: credit_of_wallet
-- Addresses of a wallet's credit records of a kind before one, newest first; $5: of one merchant's account only, null: of all.
SELECT record FROM credit
WHERE wallet = $1 AND kind = $2 AND record < $3 AND ($5::bigint IS NULL OR account = $5) ORDER BY record DESC LIMIT $4

-- name: credit_entries_of_wallets
--- Records that these wallets' records of a kind are about.
SELECT DISTINCT about FROM credit WHERE wallet = ANY ($1::bigint[]) AND kind = $2 AND about <> 0

-- name: credit_of_account
-- The same of a merchant's account, of all wallets; newest first within each shard.
SELECT record FROM credit WHERE account = $1 AND kind = $2 AND record < $3 ORDER BY record DESC LIMIT $4

-- name: credit_withdrawn
-- Which of these consents were withdrawn.
SELECT about FROM credit WHERE about = ANY ($1::bigint[]) AND about <> 0 AND kind = $2

-- name: merchant_accounts
-- Numbers of accounts by name, of those that have a merchant's key.
SELECT account.name, account.id FROM account
WHERE account.name = ANY ($1::text[])
  AND EXISTS (SELECT FROM api_key AS key WHERE key.account = account.id AND key.revoked_at IS NULL AND 'merchant' = ANY (key.scopes))

-- name: order_number_free
-- Give back what was taken by a request that made no order within a minute, where it stands in the way of this one. What an order of the past
-- has taken has no receipt by which the journal would tell whether it was made: whoever imports it has half a day to try again.
DELETE FROM order_number AS taken
WHERE ((account = $1 AND number = $2) OR receipt = $3) AND NOT (account = $1 AND number = $2 AND receipt = $3)
  AND record IS NULL AND taken_at < now() - CASE WHEN receipt > 0 THEN interval '60 s' ELSE interval '12 h' END
  AND NOT EXISTS (SELECT FROM credit WHERE about = taken.receipt AND about <> 0 AND kind = $4)

-- name: order_number_take
INSERT INTO order_number (account, number, receipt) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: order_number_taken
-- Who has the number or the receipt, and the order that was made of it.
SELECT number, receipt, coalesce(record, (SELECT record FROM credit WHERE about = taken.receipt AND about <> 0 AND kind = $4 LIMIT 1)) AS record
FROM order_number AS taken WHERE (account = $1 AND number = $2) OR receipt = $3

-- name: order_number_made
-- Not the row of another receipt, if the number was given back meanwhile.
UPDATE order_number SET record = $4 WHERE account = $1 AND number = $2 AND receipt = $3 AND record IS NULL

-- name: order_numbers_take
-- In one order for all who take numbers at once, so that none waits for another that waits for it.
INSERT INTO order_number (account, number, receipt)
SELECT * FROM unnest($1::int[], $2::text[], $3::bigint[]) AS wanted (account, number, receipt) ORDER BY account, number
ON CONFLICT DO NOTHING

-- name: order_numbers_taken
-- A key of a shard is remembered for a day at least.
SELECT account, number, receipt, record, taken_at < now() - interval '12 h' AS old FROM order_number
JOIN unnest($1::int[], $2::text[], $3::bigint[]) AS wanted (account, number, receipt) USING (account, number, receipt)

-- name: order_numbers_made
UPDATE order_number AS taken SET record = made.record
FROM unnest($1::int[], $2::text[], $3::bigint[]) AS made (account, number, record)
WHERE taken.account = made.account AND taken.number = made.number AND taken.record IS NULL

-- name: order_number_find
SELECT coalesce(record, (SELECT record FROM credit WHERE about = taken.receipt AND about <> 0 AND kind = $3 LIMIT 1))
FROM order_number AS taken WHERE account = $1 AND number = $2

-- name: credit_about_many
-- Addresses of the records of orders about others, oldest first; of attempts ($3) the newest alone, as there is no end to them.
SELECT about, record FROM credit WHERE about = ANY ($1::bigint[]) AND about <> 0 AND kind BETWEEN $4 AND $5 AND kind <> $3
UNION ALL
SELECT wanted.about, attempt.record
FROM unnest($1::bigint[]) AS wanted (about)
CROSS JOIN LATERAL (
    SELECT record FROM credit WHERE about = wanted.about AND about <> 0 AND kind = $3 ORDER BY record DESC LIMIT $2
) AS attempt
ORDER BY about, record

-- name: credit_about_of_kinds
-- Addresses of the records of these kinds ($2) about others, oldest first.
SELECT about, record FROM credit WHERE about = ANY ($1::bigint[]) AND about <> 0 AND kind = ANY ($2::smallint[]) ORDER BY about, record

-- name: credit_open_cases
-- Addresses above $3 of the disputes or reviews ($1) that nothing has ended ($2), oldest first.
SELECT record FROM credit AS opened
WHERE kind = $1 AND kind IN (70, 74) AND record > $3
  AND NOT EXISTS (SELECT FROM credit AS answer WHERE answer.about = opened.record AND answer.about <> 0 AND answer.kind = $2)
ORDER BY record LIMIT $4

-- name: credit_chain
-- A walk along a wallet's chain of credit records, newest first, from the record at $1: at most $2 steps, and at most $3 scores unless that
-- is NULL. Gives every record, or with $3 the scores and the last step; for the layout see wallet_chain.
WITH RECURSIVE chain AS (
    SELECT place.address, 1 AS step, one.record, (get_byte(one.record, {kind_at}) = {score})::int AS scores
    FROM (SELECT $1::bigint) AS place (address)
    JOIN journal ON shard = (place.address >> {shard_shift})::int AND block = (place.address >> {block_shift}) & {block_mask}
    CROSS JOIN LATERAL (
        SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (place.address & {slot_mask})::int FOR {record_bytes})
        OFFSET 0
    ) AS one (record)
  UNION ALL
    SELECT previous.address, chain.step + 1, one.record, chain.scores + (get_byte(one.record, {kind_at}) = {score})::int
    FROM chain
    CROSS JOIN LATERAL (SELECT shardpay_int8(chain.record, {payer_prev_at}) OFFSET 0) AS previous (address)
    JOIN journal ON shard = (previous.address >> {shard_shift})::int AND block = (previous.address >> {block_shift}) & {block_mask}
    CROSS JOIN LATERAL (
        SELECT substring(records FROM 1 + {header_bytes} + {record_bytes} * (previous.address & {slot_mask})::int FOR {record_bytes})
        OFFSET 0
    ) AS one (record)
    WHERE previous.address > 0 AND chain.step < $2 AND ($3::int IS NULL OR chain.scores < $3::int)
)
SELECT address, record FROM chain
WHERE $3::int IS NULL OR get_byte(record, {kind_at}) = {score} OR step = (SELECT max(step) FROM chain) ORDER BY step

-- name: blocks_of_payer
-- The first $5 of the blocks of shard $1 from $2 to $3 that have details, and somewhere in their records the bytes $4 of a wallet's address.
SELECT block, records, details FROM journal
WHERE shard = $1 AND block BETWEEN $2 AND $3 AND details IS NOT NULL AND position($4::bytea IN records) > 0 ORDER BY block LIMIT $5

-- name: blocks_since
-- Of each shard and time the first block whose first record is not before the time, or the one after the last, by halves; no row
-- of a shard that has no blocks.
SELECT asked.shard, found.block
FROM unnest($1::int[], $2::bigint[]) AS asked (shard, time)
CROSS JOIN LATERAL (
    WITH RECURSIVE search AS (
        SELECT 1::bigint AS low, max(block) + 1 AS high, 0 AS step FROM journal WHERE journal.shard = asked.shard
      UNION ALL
        SELECT CASE WHEN middle.time < asked.time THEN middle.block + 1 ELSE low END,
               CASE WHEN middle.time < asked.time THEN high ELSE middle.block END, step + 1
        FROM search
        CROSS JOIN LATERAL (
            SELECT block, shardpay_int8(records, {header_bytes} + {record_time_at}) AS time
            FROM journal WHERE journal.shard = asked.shard AND block = (low + high) / 2
            OFFSET 0
        ) AS middle
        WHERE low < high
    )
    SELECT low AS block FROM search WHERE high IS NOT NULL ORDER BY step DESC LIMIT 1
) AS found

-- name: legs_in
-- The legs of movements $4 in stretches of blocks: a shard, its first block and its last. OFFSET 0: each stretch is read by the key.
SELECT shardpay_int8(place.records, place.start + {reference_at}) AS movement, place.shard, place.block, place.slot
FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS stretch (shard, first, last)
CROSS JOIN LATERAL (
    SELECT journal.shard, block, records, slot, {header_bytes} + {record_bytes} * slot AS start
    FROM journal
    CROSS JOIN LATERAL generate_series(0, (length(records) - {header_bytes}) / {record_bytes} - 1) AS slot
    WHERE journal.shard = stretch.shard AND block BETWEEN stretch.first AND stretch.last
      AND get_byte(records, {header_bytes} + {record_bytes} * slot + {kind_at}) = {leg}
    OFFSET 0
) AS place
WHERE shardpay_int8(place.records, place.start + {reference_at}) = ANY ($4::bigint[])

-- name: newest_block
SELECT max(block) FROM journal WHERE shard = $1

-- name: details_of_blocks
SELECT shard, block, details FROM journal
JOIN unnest($1::int[], $2::bigint[]) AS wanted (in_shard, number) ON shard = in_shard AND block = number
WHERE details IS NOT NULL

-- name: details_replace
-- The journal's only update: of what is erased of the texts beside a block.
UPDATE journal SET details = $4 WHERE shard = $1 AND block = $2 AND details = $3 RETURNING true

-- name: erase_binding
-- Accounts that are bound to the owner's wallets stay bound to this one, which is nobody's by name from now on.
INSERT INTO account_wallet (account, address)
SELECT account_owner.account, $1::bigint FROM account_owner JOIN wallet_profile ON wallet_profile.owner = account_owner.owner
WHERE wallet_profile.address = $1
ON CONFLICT DO NOTHING

-- name: erase_owner
-- An owner's name goes with the last wallet that has it.
DELETE FROM account_owner USING wallet_profile AS gone
WHERE gone.address = $1 AND account_owner.owner = gone.owner
  AND NOT EXISTS (SELECT FROM wallet_profile AS other WHERE other.owner = gone.owner AND other.address IS DISTINCT FROM $1)

-- name: has_profile
SELECT true FROM wallet_profile
WHERE address = $1 AND (external_id IS NOT NULL OR owner IS NOT NULL OR attributes IS NOT NULL OR metadata IS NOT NULL)

-- name: erase_profile
-- The digest of the body that opened the wallet goes, too: whoever guesses the body could tell by it.
UPDATE wallet_profile SET external_id = NULL, owner = NULL, attributes = NULL, metadata = NULL, digest = ''
WHERE address = $1 AND (external_id IS NOT NULL OR owner IS NOT NULL OR attributes IS NOT NULL OR metadata IS NOT NULL)
RETURNING true

-- name: erase_numbers
UPDATE order_number SET number = erased.number
FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS erased (record, receipt, number)
WHERE order_number.record = erased.record OR (erased.receipt <> 0 AND order_number.receipt = erased.receipt)

-- name: card_numbered
SELECT card.*, account.name AS account FROM scorecard AS card LEFT JOIN account ON account.id = card.made_by WHERE card.number = $1

-- name: session_open
-- Under a key that works, for so many seconds; of the key's sessions so many newest stay beside it.
WITH key AS (
    SELECT id FROM api_key WHERE hash = $1 AND revoked_at IS NULL AND coalesce(expires_at > now(), true)
), ended AS (
    DELETE FROM console_session WHERE hash IN (
        SELECT hash FROM console_session WHERE api_key = (SELECT id FROM key) ORDER BY expires_at DESC OFFSET $4
    )
)
INSERT INTO console_session (hash, api_key, expires_at)
SELECT $2, id, now() + make_interval(secs => $3) FROM key RETURNING api_key

-- name: session_keys
SELECT session.hash, key.hash AS key, account.name
FROM console_session AS session
JOIN api_key AS key ON key.id = session.api_key
JOIN account ON account.id = key.account
WHERE session.hash = ANY($1) AND session.expires_at > now() AND key.revoked_at IS NULL

-- name: session_close
DELETE FROM console_session WHERE hash = $1

-- name: webhook_any
SELECT EXISTS (SELECT FROM webhook_endpoint)

-- name: webhook_add
-- Unless there are $8 endpoints already, or $9 of this account; one at a time.
WITH counted AS (
    SELECT count(*) AS there, count(*) FILTER (WHERE account = $2) AS own FROM webhook_endpoint
), made AS (
    INSERT INTO webhook_endpoint (id, account, url, description, types, ordered, places)
    SELECT $1, $2, $3, $4, $5, $6, $7 FROM counted WHERE there < $8 AND own < $9
    RETURNING id
)
INSERT INTO webhook_secret (endpoint, secret) SELECT id, $10 FROM made RETURNING endpoint

-- name: webhook_lock
LOCK TABLE webhook_endpoint IN SHARE ROW EXCLUSIVE MODE

-- name: webhook_page
-- Oldest ids first, after $3; of one account, or of all where $1 is null. $2: one of them alone.
SELECT endpoint.*, (SELECT name FROM account WHERE account.id = endpoint.account) AS name,
       (SELECT count(*) FROM webhook_secret
        WHERE webhook_secret.endpoint = endpoint.id AND coalesce(expires_at > now(), true)) AS secrets,
       (SELECT count(*) FROM webhook_delivery WHERE webhook_delivery.endpoint = endpoint.id AND webhook_delivery.state = 0) AS pending,
       (SELECT count(*) FROM webhook_delivery WHERE webhook_delivery.endpoint = endpoint.id AND webhook_delivery.state = 2) AS dead
FROM webhook_endpoint AS endpoint
WHERE ($1::int IS NULL OR account = $1) AND ($2::uuid IS NULL OR id = $2) AND ($3::uuid IS NULL OR id > $3)
ORDER BY id LIMIT $4

-- name: webhook_change
-- What is null stays. Whoever is enabled anew has not failed yet.
UPDATE webhook_endpoint SET
    url = coalesce($2, url), description = coalesce($3, description), ordered = coalesce($6, ordered),
    types = CASE WHEN $4 THEN $5::text[] ELSE types END,
    state = coalesce($7::smallint, state), places = coalesce($8::bigint[], places), version = version + 1,
    failing_since = CASE WHEN $7 IS NULL AND $2 IS NULL THEN failing_since END
WHERE id = $1 RETURNING id

-- name: webhook_remove
DELETE FROM webhook_endpoint WHERE id = $1 RETURNING id

-- name: webhook_secret_add
INSERT INTO webhook_secret (endpoint, secret) SELECT id, $2 FROM webhook_endpoint WHERE id = $1 RETURNING endpoint

-- name: webhook_secrets_expire
-- Those before the newest: at $2, unless they end before; what has ended is gone, and of the others $3 stay beside the newest.
WITH older AS (
    SELECT made_at, least(expires_at, now() + $2::interval) AS ends,
           row_number() OVER (ORDER BY made_at DESC) AS age
    FROM webhook_secret WHERE endpoint = $1
), kept AS (
    UPDATE webhook_secret SET expires_at = older.ends FROM older
    WHERE webhook_secret.endpoint = $1 AND webhook_secret.made_at = older.made_at
      AND older.age > 1 AND older.age <= 1 + $3 AND older.ends > now()
)
DELETE FROM webhook_secret USING older
WHERE webhook_secret.endpoint = $1 AND webhook_secret.made_at = older.made_at
  AND older.age > 1 AND NOT (older.age <= 1 + $3 AND older.ends > now())

-- name: webhook_deliveries
-- Newest first, before $2; of one state where $3 is given, of one event where $4 is.
SELECT * FROM webhook_delivery
WHERE endpoint = $1 AND ($2::uuid IS NULL OR id < $2) AND ($3::smallint IS NULL OR state = $3)
  AND ($4::uuid IS NULL OR message = $4)
ORDER BY id DESC LIMIT $5

-- name: webhook_deliveries_of
-- About the events $2, newest first, before $3; to the endpoints of one account, or of all where $1 is null.
SELECT delivery.* FROM webhook_delivery AS delivery JOIN webhook_endpoint AS endpoint ON endpoint.id = delivery.endpoint
WHERE delivery.message = ANY ($2::uuid[]) AND ($1::int IS NULL OR endpoint.account = $1) AND ($3::uuid IS NULL OR delivery.id < $3)
ORDER BY delivery.id DESC LIMIT $4

-- name: webhook_delivery_one
SELECT * FROM webhook_delivery WHERE endpoint = $1 AND id = $2

-- name: webhook_test
INSERT INTO webhook_delivery (endpoint, id, event, message, type, payer, payee, state, asked, attempts, next_at)
VALUES ($1, $2, 0, $3, $4, 0, 0, 0, true, 0, now())
RETURNING *

-- name: webhook_ask
-- To be sent again as if for the first time; what waits already waits no longer.
UPDATE webhook_delivery SET state = 0, asked = true, attempts = 0, next_at = now()
WHERE endpoint = $1 AND id = $2 RETURNING *

-- name: webhook_ask_dead
UPDATE webhook_delivery SET state = 0, asked = true, attempts = 0, next_at = now()
WHERE endpoint = $1 AND id IN (
    SELECT id FROM webhook_delivery WHERE endpoint = $1 AND state = 2 ORDER BY id LIMIT $2
) RETURNING id

-- name: webhook_pending_count
SELECT count(*) FROM webhook_delivery WHERE endpoint = $1 AND state = 0

-- name: webhook_lease_take
INSERT INTO webhook_lease AS lease (holder, until) VALUES ($1, now() + $2::interval)
ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE lease.holder = excluded.holder OR lease.until < now()
RETURNING holder

-- name: webhook_lease_end
DELETE FROM webhook_lease WHERE holder = $1

-- name: webhook_enabled
-- Endpoints to send to, whose account has a key that may have them; with what the account is bound to, and the secrets, newest first.
SELECT endpoint.id, endpoint.account, endpoint.url, endpoint.types, endpoint.ordered, endpoint.version, endpoint.places,
       endpoint.failing_since, account.bound,
       ARRAY(SELECT address FROM account_wallet WHERE account_wallet.account = endpoint.account) AS wallets,
       ARRAY(SELECT owner FROM account_owner WHERE account_owner.account = endpoint.account) AS owners,
       ARRAY(SELECT secret FROM webhook_secret
             WHERE webhook_secret.endpoint = endpoint.id AND coalesce(expires_at > now(), true)
             ORDER BY made_at DESC) AS secrets
FROM webhook_endpoint AS endpoint JOIN account ON account.id = endpoint.account
WHERE endpoint.state = 0 AND EXISTS (
    SELECT FROM api_key AS key WHERE key.account = endpoint.account AND key.scopes && $1::text[]
      AND key.revoked_at IS NULL AND coalesce(key.expires_at > now(), true)
)

-- name: webhook_pending
SELECT * FROM webhook_delivery WHERE endpoint = $1 AND state = 0 AND NOT asked ORDER BY id LIMIT $2

-- name: webhook_asked
SELECT * FROM webhook_delivery WHERE asked AND endpoint = ANY($1::uuid[]) LIMIT $2

-- name: webhook_asked_taken
UPDATE webhook_delivery SET asked = false
FROM unnest($1::uuid[], $2::uuid[]) AS taken (endpoint, id)
WHERE webhook_delivery.endpoint = taken.endpoint AND webhook_delivery.id = taken.id
  AND EXISTS (SELECT FROM webhook_lease WHERE holder = $3)

-- name: webhook_sent
-- A stretch of events is sent or stored: the cursor moves with what is stored, or nothing happens. No payment waits for this commit: should
-- it be lost, what was sent is sent again.
WITH moved AS (
    UPDATE webhook_endpoint SET places = $4, delivered = delivered + $5, failed = failed + $6, failing_since = $7
    WHERE id = $1 AND version = $2 AND EXISTS (SELECT FROM webhook_lease WHERE holder = $3)
    RETURNING id
), stored AS (
    INSERT INTO webhook_delivery
        (endpoint, id, event, message, type, payer, payee, state, attempts, next_at, tried_at, took_ms, status, error)
    SELECT moved.id, row.*
    FROM moved
    CROSS JOIN unnest($8::uuid[], $9::bigint[], $10::uuid[], $11::text[], $12::bigint[], $13::bigint[], $14::smallint[],
                      $15::smallint[], $16::timestamptz[], $17::timestamptz[], $18::int[], $19::smallint[], $20::text[]) AS row
    ON CONFLICT (endpoint, id) DO NOTHING
)
SELECT count(*) FROM moved

-- name: webhook_tried
-- Attempts at what was stored, each with what came of it; the attempt before goes to the history, which keeps $10.
WITH moved AS (
    UPDATE webhook_endpoint SET delivered = delivered + $11, failed = failed + $12, failing_since = $13
    WHERE id = $1 AND EXISTS (SELECT FROM webhook_lease WHERE holder = $2)
    RETURNING id
)
UPDATE webhook_delivery AS kept SET
    state = row.state, attempts = row.attempts, next_at = row.next_at, tried_at = row.tried_at, took_ms = row.took_ms,
    status = row.status, error = row.error,
    history = CASE WHEN kept.tried_at IS NULL THEN kept.history
        ELSE CASE WHEN jsonb_array_length(kept.history) >= $10 THEN kept.history - 0 ELSE kept.history END
             || jsonb_build_object('tried_at', kept.tried_at, 'took_ms', kept.took_ms, 'status', kept.status, 'error', kept.error)
        END
FROM moved
CROSS JOIN unnest($3::uuid[], $4::smallint[], $5::smallint[], $6::timestamptz[], $7::timestamptz[], $8::int[],
                  $9::smallint[], $14::text[]) AS row (id, state, attempts, next_at, tried_at, took_ms, status, error)
WHERE kept.endpoint = moved.id AND kept.id = row.id AND NOT kept.asked

-- name: webhook_disable
UPDATE webhook_endpoint SET state = $3 WHERE id = $1 AND version = $2 RETURNING id

-- name: webhook_log_prune
-- All but the newest $3 of one state, and what is older than $4.
DELETE FROM webhook_delivery WHERE endpoint = $1 AND state = $2 AND NOT asked AND (
    id <= (SELECT id FROM webhook_delivery WHERE endpoint = $1 AND state = $2 ORDER BY id DESC OFFSET $3 LIMIT 1)
    OR tried_at < now() - $4::interval
)

-- name: webhook_figures
-- `behind`: blocks of the journal that are not read yet. `unattended`: nobody holds the lease.
SELECT endpoint.id, endpoint.url, endpoint.state, endpoint.delivered, endpoint.failed, endpoint.failing_since,
       extract(epoch FROM now() - endpoint.failing_since)::float8 AS failing_s,
       (SELECT count(*) FROM webhook_delivery WHERE webhook_delivery.endpoint = endpoint.id AND webhook_delivery.state = 0) AS pending,
       (SELECT count(*) FROM webhook_delivery WHERE webhook_delivery.endpoint = endpoint.id AND webhook_delivery.state = 2) AS dead,
       (SELECT coalesce(sum(greatest(head.block + 1 - (place.place >> {block_shift} & {block_mask}), 0)), 0)::bigint
        FROM unnest(endpoint.places) WITH ORDINALITY AS place (place, number)
        CROSS JOIN LATERAL (
            SELECT block FROM journal WHERE journal.shard = place.number - 1 ORDER BY journal.block DESC LIMIT 1
        ) AS head) AS behind,
       NOT EXISTS (SELECT FROM webhook_lease WHERE until > now()) AS unattended
FROM webhook_endpoint AS endpoint ORDER BY endpoint.id

-- name: controls_lock
-- Revisions of lists and snoozes are given out one at a time.
SELECT pg_advisory_xact_lock(hashtextextended('shardpay controls', 0))

-- name: control_room
-- Before a change: the newest revision, and whether the revision $1 before the newest is within the last hour.
SELECT newest.revision,
       EXISTS (SELECT FROM control_change WHERE revision = newest.revision - $1 + 1 AND made_at > clock_timestamp() - interval '1 hour') AS hurried
FROM (SELECT coalesce(max(revision), 0)::bigint AS revision FROM control_change) AS newest

-- name: control_change_add
INSERT INTO control_change (revision, made_by) VALUES ($1, $2)

-- name: control_entry_count
SELECT count(*) FROM control_entry WHERE what = $1 AND name = $2 AND removed IS NULL

-- name: control_entry_end
UPDATE control_entry SET removed = $4 WHERE what = $1 AND name = $2 AND number = $3 AND removed IS NULL RETURNING added

-- name: control_entry_add
INSERT INTO control_entry (what, name, number, value, reason, until, added) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: control_entry_one
SELECT entry.*, change.made_at, account.name AS account
FROM control_entry AS entry
JOIN control_change AS change ON change.revision = entry.added
JOIN account ON account.id = change.made_by
WHERE what = $1 AND entry.name = $2 AND number = $3 AND removed IS NULL

-- name: control_entries
-- Entries of one name that hold, newest first, those before the revision $3.
SELECT entry.*, change.made_at, account.name AS account
FROM control_entry AS entry
JOIN control_change AS change ON change.revision = entry.added
JOIN account ON account.id = change.made_by
WHERE what = $1 AND entry.name = $2 AND added < $3 AND removed IS NULL AND (until IS NULL OR until > clock_timestamp())
ORDER BY added DESC LIMIT $4

-- name: control_entries_of
-- Entries of one number in any of the names $2 that hold.
SELECT entry.*, change.made_at, account.name AS account
FROM control_entry AS entry
JOIN control_change AS change ON change.revision = entry.added
JOIN account ON account.id = change.made_by
WHERE what = $1 AND entry.name = ANY ($2::text[]) AND number = $3 AND removed IS NULL AND (until IS NULL OR until > clock_timestamp())
ORDER BY added DESC

-- name: control_entries_ended
-- Ends some entries of one name that have been over for a day, so that they take no room.
UPDATE control_entry SET removed = $3
WHERE (what, name, number, added) IN (
    SELECT what, name, number, added FROM control_entry
    WHERE what = $1 AND name = $2 AND removed IS NULL AND until < clock_timestamp() - interval '1 day' LIMIT $4
)

-- name: control_changed
-- What was added or removed since a revision, with the newest one, and, if $2, also what is over; a row without a name when nothing was.
SELECT newest.revision, entry.what, entry.name, entry.number, entry.added, entry.removed,
       floor(extract(epoch FROM entry.until) * 1000)::bigint AS until
FROM (SELECT coalesce(max(revision), 0)::bigint AS revision FROM control_change) AS newest
LEFT JOIN control_entry AS entry
    ON (entry.added > $1 AND (entry.removed IS NULL OR $2)) OR (entry.removed > $1 AND ($1 > 0 OR $2))

-- name: control_times
-- When each revision was made, in milliseconds, in their order.
SELECT floor(extract(epoch FROM made_at) * 1000)::bigint AS made FROM control_change ORDER BY revision

-- name: kept_list_add
INSERT INTO kept_list (name, type, description, made_by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING

-- name: kept_list_count
SELECT count(*) FROM kept_list

-- name: kept_lists
SELECT kept_list.*, account.name AS account,
       (SELECT count(*) FROM control_entry AS entry
        WHERE what = 1 AND entry.name = kept_list.name AND removed IS NULL AND (until IS NULL OR until > clock_timestamp())) AS entries
FROM kept_list JOIN account ON account.id = kept_list.made_by ORDER BY kept_list.name

-- name: kept_list_types
SELECT name, type FROM kept_list

-- name: labels_put
INSERT INTO transfer_label (record, fraud, made_by)
SELECT record, fraud, $3 FROM unnest($1::bigint[], $2::boolean[]) AS given (record, fraud)
ON CONFLICT (record) DO UPDATE SET fraud = excluded.fraud, made_by = excluded.made_by, made_at = excluded.made_at
WHERE transfer_label.fraud <> excluded.fraud

-- name: label_one
SELECT label.record, fraud, made_at, account.name AS account FROM transfer_label AS label JOIN account ON account.id = made_by WHERE record = $1

-- name: labels_of
SELECT record, fraud FROM transfer_label WHERE record = ANY ($1::bigint[]) ORDER BY record

-- name: label_delete
DELETE FROM transfer_label WHERE record = $1 RETURNING record

-- name: labels_page
SELECT label.record, fraud, made_at, account.name AS account
FROM transfer_label AS label JOIN account ON account.id = made_by
WHERE record > $1 ORDER BY record LIMIT $2

-- name: labels_all
SELECT record, fraud FROM transfer_label ORDER BY record

-- name: refunded_all
-- Payments and holds of which something was refunded, in order: a refund can be of a capture, which is of a hold.
SELECT DISTINCT coalesce(capture.target, refund.target) AS record
FROM reference AS refund
JOIN journal ON shard = (refund.record >> {shard_shift})::int AND block = (refund.record >> {block_shift}) & {block_mask}
LEFT JOIN reference AS capture ON capture.record = refund.target
WHERE get_byte(records, {header_bytes} + {record_bytes} * (refund.record & {slot_mask})::int + {kind_at}) = {refund}
ORDER BY record

-- name: refunded_of
-- Those of these payments and holds, ascending, of which something was refunded. OFFSET 0: each is looked up by the key.
SELECT asked.record FROM unnest($1::bigint[]) AS asked (record)
WHERE EXISTS (
    SELECT FROM (
        SELECT record FROM reference WHERE target = asked.record
      UNION ALL
        SELECT refund.record FROM reference AS capture JOIN reference AS refund ON refund.target = capture.record
        WHERE capture.target = asked.record
    ) AS part
    CROSS JOIN LATERAL (
        SELECT get_byte(records, {header_bytes} + {record_bytes} * (part.record & {slot_mask})::int + {kind_at}) AS kind FROM journal
        WHERE shard = (part.record >> {shard_shift})::int AND block = (part.record >> {block_shift}) & {block_mask}
        OFFSET 0
    ) AS at
    WHERE at.kind = {refund}
)
ORDER BY asked.record

-- name: analyst_account
-- The account of a name that has a key with which it could answer a case.
SELECT id FROM account WHERE name = $1 AND EXISTS (
    SELECT FROM api_key WHERE account = account.id AND 'analyst' = ANY (scopes) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
)

-- name: analyst_names
-- Names of all accounts of which `analyst_account` gives one, $1 of them at most.
SELECT name FROM account WHERE EXISTS (
    SELECT FROM api_key WHERE account = account.id AND 'analyst' = ANY (scopes) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
) ORDER BY name LIMIT $1

-- name: case_assign
INSERT INTO review_assignee (record, account, made_by) VALUES ($1, $2, $3)
ON CONFLICT (record) DO UPDATE SET account = excluded.account, made_by = excluded.made_by, made_at = excluded.made_at
WHERE review_assignee.account <> excluded.account

-- name: case_unassign
DELETE FROM review_assignee WHERE record = $1

-- name: case_assignees
SELECT record, name FROM review_assignee JOIN account ON account.id = review_assignee.account WHERE record = ANY ($1::bigint[])

-- name: case_note_counts
SELECT record, count(*) AS notes FROM review_note WHERE record = ANY ($1::bigint[]) GROUP BY record

-- name: case_note_add
-- The next note of a case, unless it has $6 already.
INSERT INTO review_note (record, number, payer, payee, text, made_by)
SELECT $1, 1 + coalesce(max(number), 0), $2, $3, $4, $5 FROM review_note WHERE record = $1 HAVING count(*) < $6
RETURNING number, made_at

-- name: case_lock
SELECT pg_advisory_xact_lock(hashtextextended('shardpay case', $1))

-- name: case_notes
SELECT number, text, made_at, account.name AS account
FROM review_note JOIN account ON account.id = made_by WHERE record = $1 ORDER BY number

-- name: erase_words_about
-- What people wrote about payments of a wallet, and why a rule was snoozed for it or it was put on a list.
WITH notes AS (
    DELETE FROM review_note WHERE payer = $1 OR payee = $1 RETURNING record
), reasons AS (
    UPDATE control_entry SET reason = ''
    WHERE number = $1 AND reason <> '' AND (what = 2 OR name IN (SELECT name FROM kept_list WHERE type = 'wallet')) RETURNING name
)
SELECT (SELECT count(*) FROM notes) + (SELECT count(*) FROM reasons)

-- name: proposals_lock
SELECT pg_advisory_xact_lock(hashtextextended('shardpay proposals', 0))

-- name: proposals_open
SELECT count(*) FROM proposal WHERE state < 2 AND expires_at > clock_timestamp()

-- name: proposal_add
INSERT INTO proposal (id, method, path, body, reason, made_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(hours => $7))

-- name: proposal_one
SELECT proposal.*, maker.name AS maker, answerer.name AS answerer, state < 2 AND expires_at <= clock_timestamp() AS over
FROM proposal JOIN account AS maker ON maker.id = made_by LEFT JOIN account AS answerer ON answerer.id = answered_by
WHERE proposal.id = $1

-- name: proposals_page
-- Newest first, with $3 only those that can be answered.
SELECT proposal.*, maker.name AS maker, answerer.name AS answerer, state < 2 AND expires_at <= clock_timestamp() AS over
FROM proposal JOIN account AS maker ON maker.id = made_by LEFT JOIN account AS answerer ON answerer.id = answered_by
WHERE proposal.id < $1 AND (NOT $3 OR (state < 2 AND expires_at > clock_timestamp()))
ORDER BY proposal.id DESC LIMIT $2

-- name: proposal_step
-- From one of the states $2 to $3, by somebody else than who made it unless $5; nothing when it is over. What somebody is carrying out is
-- begun anew only when that has taken so long that its process must have died: it would be done twice.
UPDATE proposal SET state = $3, answered_by = $4, answered_at = clock_timestamp()
WHERE id = $1 AND state = ANY ($2::smallint[]) AND (made_by <> $4 OR $5) AND (expires_at > clock_timestamp() OR state = 1)
  AND (state <> 1 OR $3 <> 1 OR answered_at < clock_timestamp() - interval '150 seconds')
RETURNING id

-- name: proposal_back
UPDATE proposal SET state = 0, answered_by = NULL, answered_at = NULL WHERE id = $1 AND state = 1

-- name: proposals_naming
-- Proposals that name one of these ids, and whether they can be answered yet.
SELECT id, body, state < 2 AND expires_at > clock_timestamp() AS open FROM proposal
WHERE EXISTS (SELECT FROM unnest($1::text[]) AS named (id) WHERE position(named.id IN lower(concat_ws(' ', path, body, reason))) > 0)

-- name: proposals_erase
-- Other bodies in the place of those of proposals that are over; their reasons go.
UPDATE proposal SET reason = '', body = erased.body FROM unnest($1::uuid[], $2::text[]) AS erased (id, body) WHERE proposal.id = erased.id

-- name: answers_naming
-- Answers under keys of changes that name one of these ids.
SELECT account, key, answer FROM batch_key CROSS JOIN LATERAL (SELECT lower(encode(answer, 'escape')) AS text OFFSET 0) AS kept
WHERE answer IS NOT NULL AND EXISTS (SELECT FROM unnest($1::text[]) AS named (id) WHERE position(named.id IN text) > 0)

-- name: answers_erase
UPDATE batch_key SET answer = erased.after FROM unnest($1::int[], $2::bytea[], $3::bytea[], $4::bytea[]) AS erased (account, key, before, after)
WHERE batch_key.account = erased.account AND batch_key.key = erased.key AND answer = erased.before

-- name: admin_log_lock
SELECT pg_advisory_xact_lock(hashtextextended('shardpay admin log', 0))

-- name: admin_log_end
-- Where the log ends, and the time of its next entry: never before that of the last.
SELECT coalesce(newest.number, 0) AS number, newest.hash,
       greatest(newest.at_ms, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) AS at_ms
FROM (SELECT 1) AS one LEFT JOIN (SELECT number, hash, at_ms FROM admin_log ORDER BY number DESC LIMIT 1) AS newest ON true

-- name: admin_log_append
INSERT INTO admin_log (number, at_ms, account, key, origin, request, call, resource, status, code, digest, hash, salt, body)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::smallint[],
                     $10::text[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[])

-- name: admin_calls_begin
INSERT INTO admin_call (id, account, key, origin, request, call, resource, digest, salt, body)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::bytea[],
                     $10::bytea[])

-- name: admin_calls_end
DELETE FROM admin_call WHERE id = ANY ($1::uuid[])

-- name: admin_calls_left
-- What was begun so long ago that its process must have died, taken away; the oldest first.
WITH late AS (
    SELECT id FROM admin_call WHERE began_at < clock_timestamp() - $1::interval ORDER BY began_at LIMIT 500
)
DELETE FROM admin_call USING late WHERE admin_call.id = late.id RETURNING admin_call.*

-- name: admin_log_page
-- Newest first, before a number: of an account, a call, a resource or all below it, a span of time (which goes along with the numbers), an
-- outcome.
SELECT log.*, account.name FROM admin_log AS log LEFT JOIN account ON account.id = log.account
WHERE number < $1 AND ($2::int IS NULL OR log.account = $2) AND ($3::text IS NULL OR call = $3)
  AND ($4::text IS NULL OR resource = $4 OR starts_with(resource, $4 || '/'))
  AND ($5::bigint IS NULL OR number >= (SELECT number FROM admin_log WHERE at_ms >= $5 ORDER BY at_ms, number LIMIT 1))
  AND ($6::bigint IS NULL OR number <= (SELECT number FROM admin_log WHERE at_ms < $6 ORDER BY at_ms DESC, number DESC LIMIT 1))
  AND ($7::text IS NULL OR $7 = CASE WHEN status / 100 = 2 THEN 'done' WHEN status / 100 = 4 THEN 'refused' ELSE 'unknown' END)
ORDER BY number DESC LIMIT $8

-- name: admin_log_account
SELECT id FROM account WHERE name = $1

-- name: admin_log_erase
-- What calls sent that name one of these ids, or are about it: the entries stay.
UPDATE admin_log SET salt = NULL, body = NULL WHERE number IN (
    SELECT number FROM admin_log CROSS JOIN LATERAL (
        SELECT lower(resource) AS place, lower(encode(body, 'escape')) AS text OFFSET 0
    ) AS sent
    WHERE salt IS NOT NULL AND EXISTS (
        SELECT FROM unnest($1::text[]) AS named (id) WHERE position(named.id IN place) > 0 OR position(named.id IN text) > 0
    )
)

-- name: noted_cases
SELECT DISTINCT record, record_time FROM review_note JOIN review USING (record) WHERE payer = $1 OR payee = $1
