-- The peer of benchmark `single`: a payment as a PostgreSQL function that locks the rows it changes. One call, one transaction.

-- name: schema
CREATE TABLE wallet (
    id       uuid PRIMARY KEY,
    currency text NOT NULL,
    balance  bigint NOT NULL CHECK (balance >= 0)
) WITH (fillfactor = 50);

CREATE TABLE transfer (
    id         uuid PRIMARY KEY,
    payer      uuid NOT NULL,
    payee      uuid NOT NULL,
    amount     bigint NOT NULL CHECK (amount > 0),
    code       smallint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE idempotency (
    key      uuid PRIMARY KEY,
    transfer uuid NOT NULL
);

-- code 0: paid; 1: insufficient funds; 2: no such wallet in this currency; 3: the key was used for another payment.
CREATE FUNCTION pay(
    IN the_key uuid, IN the_payer uuid, IN the_payee uuid, IN the_amount bigint, IN the_currency text,
    OUT code smallint, OUT id uuid, OUT replayed boolean
) LANGUAGE plpgsql AS $$
DECLARE
    found_wallets int;
BEGIN
    replayed := false;
    id := uuidv7();
    INSERT INTO idempotency (key, transfer) VALUES (the_key, id) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        replayed := true;
        SELECT CASE WHEN t.payer = the_payer AND t.payee = the_payee AND t.amount = the_amount THEN t.code ELSE 3 END, t.id
        INTO code, id FROM idempotency AS i JOIN transfer AS t ON t.id = i.transfer WHERE i.key = the_key;
        RETURN;
    END IF;
    PERFORM FROM wallet AS w WHERE w.id IN (the_payer, the_payee) AND w.currency = the_currency ORDER BY w.id FOR UPDATE;
    GET DIAGNOSTICS found_wallets = ROW_COUNT;
    IF found_wallets <> 2 THEN
        code := 2;
    ELSE
        UPDATE wallet AS w SET balance = balance - the_amount WHERE w.id = the_payer AND w.balance >= the_amount;
        IF FOUND THEN
            UPDATE wallet AS w SET balance = balance + the_amount WHERE w.id = the_payee;
            code := 0;
        ELSE
            code := 1;
        END IF;
    END IF;
    INSERT INTO transfer (id, payer, payee, amount, code) VALUES (id, the_payer, the_payee, the_amount, code);
END
$$;

-- name: pay
SELECT code, id, replayed FROM pay($1, $2, $3, $4, $5)

-- name: totals
SELECT (SELECT count(*) FROM transfer WHERE code = 0) AS paid, (SELECT sum(balance) FROM wallet)::bigint AS money

-- name: vacuum
-- What autovacuum would do in the middle of a round.
VACUUM (ANALYZE)
