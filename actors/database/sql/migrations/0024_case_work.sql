-- Who works on a payment in review, and what people write about it. Notes can name people: they go when the profile of either wallet is
-- erased.
CREATE TABLE review_assignee (
    record  bigint PRIMARY KEY,
    account int NOT NULL REFERENCES account (id),
    made_by int NOT NULL REFERENCES account (id),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX review_assignee_account ON review_assignee (account, record);

CREATE TABLE review_note (
    record  bigint NOT NULL,
    number  int NOT NULL,
    payer   bigint NOT NULL,
    payee   bigint NOT NULL,
    text    text NOT NULL,
    made_by int NOT NULL REFERENCES account (id),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (record, number)
);
CREATE INDEX review_note_payer ON review_note (payer);
CREATE INDEX review_note_payee ON review_note (payee);
