-- How many requests a second a key may make at one front door; null: as many as its account may.
ALTER TABLE api_key ADD COLUMN reads_per_s int CHECK (reads_per_s > 0), ADD COLUMN writes_per_s int CHECK (writes_per_s > 0);
