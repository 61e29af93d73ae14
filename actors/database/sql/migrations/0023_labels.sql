-- What is known of payments afterwards: whether one was fraud, as who says so last.
CREATE TABLE transfer_label (
    record  bigint PRIMARY KEY,
    fraud   boolean NOT NULL,
    made_by int NOT NULL REFERENCES account (id),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
