-- Calls that one account asks for and another one approves. `state`: 0 open, 1 being carried out, 2 carried out, 3 declined. One that is being
-- carried out by a process that died can be approved again: carrying it out twice is once.
CREATE TABLE proposal (
    id          uuid PRIMARY KEY,
    method      text NOT NULL,
    path        text NOT NULL,
    body        text NOT NULL,
    reason      text NOT NULL,
    made_by     int NOT NULL REFERENCES account (id),
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,
    state       smallint NOT NULL DEFAULT 0,
    answered_by int REFERENCES account (id),
    answered_at timestamptz
);
CREATE INDEX proposal_open ON proposal (expires_at) WHERE state < 2;
