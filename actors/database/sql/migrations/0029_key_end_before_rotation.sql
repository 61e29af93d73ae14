-- The end that a key had before another took its place ('infinity': none), which that one has too. Null: none took its place.
ALTER TABLE api_key ADD COLUMN end_before_rotation timestamptz;
