-- What a change that the ledger does not record was answered under its key, so that a retry gets the same and undoes nothing that others
-- changed meanwhile.
ALTER TABLE batch_key ADD COLUMN answer bytea;
