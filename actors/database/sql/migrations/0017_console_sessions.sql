-- Who is signed in to the console, and by which key. As of keys, only a hash of the token is kept: neither this table nor a backup of it
-- lets anybody in.
CREATE TABLE console_session (
    hash       bytea PRIMARY KEY,
    api_key    uuid NOT NULL REFERENCES api_key (id),
    expires_at timestamptz NOT NULL
);
CREATE INDEX console_session_api_key ON console_session (api_key, expires_at);
