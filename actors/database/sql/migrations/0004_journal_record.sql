-- The journal for people: one row a record, decoded from the layout that the ledger keeps in memory (actors/ledger/layout.py).
-- For looking, not for speed: say WHERE shard = ... AND block = ... Wallets are addresses here; `id` is a transfer's id.
CREATE VIEW journal_record AS
SELECT journal.shard,
       journal.block,
       place.slot,
       place.address,
       (lpad(to_hex(shardpay_int8(record, 96)), 12, '0') || '8' || lpad(to_hex(place.address >> 50), 3, '0')
        || to_hex((1::bigint << 63) | ((place.address & 1125899906842623) << 12)))::uuid AS id,
       CASE get_byte(record, 0)
           WHEN 1 THEN 'open' WHEN 2 THEN 'wallet_opened' WHEN 3 THEN 'wallet_status' WHEN 4 THEN 'wallet_tier'
           WHEN 10 THEN 'transfer' WHEN 11 THEN 'hold' WHEN 12 THEN 'capture' WHEN 13 THEN 'void'
           WHEN 14 THEN 'expiry' WHEN 15 THEN 'refund'
           WHEN 20 THEN 'leg' WHEN 21 THEN 'cursor' WHEN 22 THEN 'profile'
       END AS kind,
       (shardpay_int8(record, 0) >> 32 & 65535)::int AS code,
       to_timestamp(shardpay_int8(record, 96) / 1000.0) AS record_time,
       to_timestamp(shardpay_int8(record, 104) / 1000.0) AS effective_time,
       shardpay_int8(record, 8) AS payer,
       shardpay_int8(record, 16) AS payee,
       shardpay_int8(record, 24) AS amount,
       (shardpay_int8(record, 0) >> 48 & 65535)::int AS currency,
       shardpay_int8(record, 32) AS payer_posted,
       shardpay_int8(record, 40) AS payee_posted,
       shardpay_int8(record, 48) AS payer_held,
       shardpay_int8(record, 88) AS reference,
       CASE WHEN shardpay_int8(record, 152) > 0 THEN to_timestamp(shardpay_int8(record, 152) / 1000.0) END AS expiry,
       array_remove(ARRAY[
           CASE WHEN flags.bits & 1 > 0 THEN 'remote' END,
           CASE WHEN flags.bits & 2 > 0 THEN 'suspense' END,
           CASE WHEN flags.bits & 4 > 0 THEN 'imported' END,
           CASE WHEN flags.bits & 8 > 0 THEN 'fallback' END,
           CASE WHEN flags.bits & 16 > 0 THEN 'scored' END,
           CASE WHEN flags.bits & 32 > 0 THEN 'final' END,
           CASE WHEN flags.bits & 64 > 0 THEN 'linked' END,
           CASE WHEN flags.bits & 128 > 0 THEN 'payer_anchor' END,
           CASE WHEN flags.bits & 256 > 0 THEN 'payee_anchor' END
       ], NULL) AS flags,
       get_byte(record, 1) AS decision,
       get_byte(record, 2) AS label,
       get_byte(record, 3) AS channel,
       (shardpay_int8(record, 80) & 4294967295) AS caller,
       (shardpay_int8(record, 80) >> 32 & 4294967295) AS pack,
       (shardpay_int8(record, 128) << 32 >> 32)::int AS points,
       (shardpay_int8(record, 128) >> 32 & 4294967295) AS reasons,
       shardpay_int8(record, 112) AS payer_prev,
       shardpay_int8(record, 120) AS payee_prev
FROM journal
CROSS JOIN LATERAL generate_series(0, (length(records) - 88) / 160 - 1) AS slots (slot)
CROSS JOIN LATERAL (
    SELECT slots.slot, (journal.shard::bigint << 52) | (journal.block << 8) | slots.slot AS address,
           substring(records FROM 89 + 160 * slots.slot FOR 160) AS record
) AS place
CROSS JOIN LATERAL (SELECT (shardpay_int8(record, 136) & 65535)::int AS bits) AS flags;
