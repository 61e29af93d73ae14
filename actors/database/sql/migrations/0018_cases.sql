-- Disputes and reviews of decisions, oldest first, for the queues of analysts.
CREATE INDEX credit_cases ON credit (kind, record) WHERE kind IN (70, 74);

-- As in 0016, with the answers of sources and erasures.
CREATE OR REPLACE VIEW journal_record AS
SELECT journal.shard,
       journal.block,
       place.slot,
       place.address,
       CASE get_byte(record, 0)
           WHEN 1 THEN 'open' WHEN 2 THEN 'wallet_opened' WHEN 3 THEN 'wallet_status' WHEN 4 THEN 'wallet_tier'
           WHEN 10 THEN 'transfer' WHEN 11 THEN 'hold' WHEN 12 THEN 'capture' WHEN 13 THEN 'void'
           WHEN 14 THEN 'expiry' WHEN 15 THEN 'refund' WHEN 16 THEN 'approval'
           WHEN 20 THEN 'leg' WHEN 21 THEN 'cursor' WHEN 22 THEN 'profile'
           WHEN 30 THEN 'consent_granted' WHEN 31 THEN 'consent_withdrawn' WHEN 32 THEN 'inquiry' WHEN 40 THEN 'order_created'
           WHEN 41 THEN 'order_confirmed' WHEN 42 THEN 'order_modified' WHEN 43 THEN 'order_completed' WHEN 44 THEN 'order_attempt'
           WHEN 45 THEN 'order_paid' WHEN 46 THEN 'order_cancelled' WHEN 47 THEN 'order_paid_elsewhere' WHEN 48 THEN 'order_expired'
           WHEN 49 THEN 'order_overdue' WHEN 50 THEN 'order_defaulted' WHEN 51 THEN 'order_cured' WHEN 52 THEN 'order_written_off'
           WHEN 60 THEN 'score'
           WHEN 70 THEN 'dispute_opened' WHEN 71 THEN 'dispute_forwarded' WHEN 72 THEN 'dispute_resolved' WHEN 73 THEN 'dispute_reinserted'
           WHEN 74 THEN 'credit_review_opened' WHEN 75 THEN 'credit_review_resolved'
           WHEN 76 THEN 'dispute_answered' WHEN 77 THEN 'data_erased'
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
           CASE WHEN flags.bits & 256 > 0 THEN 'payee_anchor' END,
           CASE WHEN flags.bits & 512 > 0 THEN 'continues' END,
           CASE WHEN flags.bits & 1024 > 0 THEN 'review' END
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
