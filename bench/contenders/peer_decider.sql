-- The peer of benchmark `credit`: a decision as a PostgreSQL function that reads consent and score, compares, and writes a log row.

-- name: schema
CREATE TABLE wallet (
    id      uuid PRIMARY KEY,
    score   int NOT NULL,
    overdue int NOT NULL DEFAULT 0,
    open    int NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE consent (
    wallet     uuid NOT NULL,
    merchant   int NOT NULL,
    scenario   text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (wallet, merchant, scenario)
);

CREATE TABLE inquiry (
    id         uuid PRIMARY KEY,
    key        uuid NOT NULL UNIQUE,
    wallet     uuid NOT NULL,
    merchant   int NOT NULL,
    scenario   text NOT NULL,
    amount     bigint NOT NULL,
    result     text NOT NULL,
    granted    bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- result: yes, no, not_available; mismatch: the key was used for another question.
CREATE FUNCTION decide(
    IN the_key uuid, IN the_wallet uuid, IN the_merchant int, IN the_scenario text, IN the_amount bigint, IN score_min int, IN cap bigint,
    OUT result text, OUT granted bigint, OUT id uuid, OUT replayed boolean
) LANGUAGE plpgsql AS $$
DECLARE
    holder wallet%ROWTYPE;
    agreed boolean;
BEGIN
    replayed := false;
    id := uuidv7();
    granted := 0;
    SELECT * INTO holder FROM wallet AS w WHERE w.id = the_wallet;
    agreed := EXISTS (
        SELECT FROM consent AS c
        WHERE c.wallet = the_wallet AND c.merchant = the_merchant AND c.scenario = the_scenario AND c.expires_at > now()
    );
    IF holder.id IS NULL OR NOT agreed OR holder.score = 0 THEN
        result := 'not_available';
    ELSIF holder.score >= score_min AND holder.overdue = 0 AND holder.open < 5 AND the_amount <= cap THEN
        result := 'yes';
        granted := the_amount;
    ELSE
        result := 'no';
    END IF;
    INSERT INTO inquiry (id, key, wallet, merchant, scenario, amount, result, granted)
    VALUES (id, the_key, the_wallet, the_merchant, the_scenario, the_amount, result, granted) ON CONFLICT (key) DO NOTHING;
    IF NOT FOUND THEN
        replayed := true;
        SELECT CASE WHEN i.wallet = the_wallet AND i.amount = the_amount THEN i.result ELSE 'mismatch' END, i.granted, i.id
        INTO result, granted, id FROM inquiry AS i WHERE i.key = the_key;
    END IF;
END
$$;

-- name: decide
SELECT result, granted, id, replayed FROM decide($1, $2, $3, $4, $5, $6, $7)

-- name: totals
SELECT (SELECT count(*) FROM inquiry WHERE result = 'yes') AS yes, (SELECT count(*) FROM inquiry) AS asked

-- name: vacuum
-- What autovacuum would do in the middle of a round.
VACUUM (ANALYZE)
