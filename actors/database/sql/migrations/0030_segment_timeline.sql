-- The timeline of the database's log on which a segment was claimed; 0: its server tells none, or an older version claimed it. On another
-- timeline, or in a database that was restored (-1), commits may be lost, and with them wallets whose ids were answered: no wallet is opened
-- in such a segment again, so that none takes such an id.
ALTER TABLE segment ADD COLUMN timeline int NOT NULL DEFAULT 0;
