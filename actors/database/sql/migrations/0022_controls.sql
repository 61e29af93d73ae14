-- What operators change without a new pack: lists, and snoozes of rules. Each change has a revision; blocks keep its last 16 bits, so all
-- revisions stay.
CREATE TABLE control_change (
    revision bigint PRIMARY KEY CHECK (revision > 0),
    made_by  int NOT NULL REFERENCES account (id),
    made_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE kept_list (
    name        text PRIMARY KEY,
    type        text NOT NULL CHECK (type IN ('wallet', 'device', 'country')),
    description text NOT NULL,
    made_by     int NOT NULL REFERENCES account (id),
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- `what`: 1 an entry of the list `name`, 2 a snooze of `name` (pack/rule) for the wallet at the address `number`. It held from the revision
-- `added` on and before `removed`, for payments of an effective time before `until`. What is removed stays, for decisions rest on it.
CREATE TABLE control_entry (
    what    smallint NOT NULL CHECK (what IN (1, 2)),
    name    text NOT NULL,
    number  bigint NOT NULL,
    value   text NOT NULL,
    reason  text NOT NULL,
    until   timestamptz,
    added   bigint NOT NULL REFERENCES control_change (revision),
    removed bigint REFERENCES control_change (revision) CHECK (removed > added),
    PRIMARY KEY (what, name, number, added)
);
CREATE UNIQUE INDEX control_entry_now ON control_entry (what, name, number) WHERE removed IS NULL;
CREATE INDEX control_entry_page ON control_entry (what, name, added) WHERE removed IS NULL;
CREATE INDEX control_entry_added ON control_entry (added);
CREATE INDEX control_entry_removed ON control_entry (removed) WHERE removed IS NOT NULL;
