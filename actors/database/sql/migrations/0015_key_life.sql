-- Until when a key works, and when it was last seen, to a minute.
ALTER TABLE api_key ADD COLUMN expires_at timestamptz, ADD COLUMN last_used_at timestamptz;
