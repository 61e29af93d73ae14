-- Where events are sent. The journal is the queue: `places` is for each shard the next record to read, as in a cursor of /v1/events; what
-- lies before it was sent, or stands in webhook_delivery. `version` counts changes by the owner, so that who sends never moves a cursor
-- that was set meanwhile. `state`: 0 enabled, 1 disabled by its owner, 2 since nothing got through, 3 since the receiver said 410.
CREATE TABLE webhook_endpoint (
    id            uuid PRIMARY KEY,
    account       int NOT NULL REFERENCES account (id),
    url           text NOT NULL,
    description   text NOT NULL,
    types         text[],
    ordered       boolean NOT NULL,
    state         smallint NOT NULL DEFAULT 0,
    version       int NOT NULL DEFAULT 1,
    places        bigint[] NOT NULL,
    failing_since timestamptz,
    delivered     bigint NOT NULL DEFAULT 0,
    failed        bigint NOT NULL DEFAULT 0,
    made_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhook_endpoint_account ON webhook_endpoint (account, id);

-- Keys of signatures: the newest signs, and until they expire the ones before it as well.
CREATE TABLE webhook_secret (
    endpoint   uuid NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    secret     bytea NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (endpoint, made_at)
);

-- What is to be sent again, what could not be delivered, and a bounded log of the rest. Bodies are not kept: they are made anew from the
-- journal, so nothing that was erased is sent. Ids ascend with time. `event`: address of its record, 0 of a test; `message`: the id that
-- receivers see; `state`: 0 pending, 1 delivered, 2 dead; `asked`: by hand, and not yet taken by who sends; `history`: attempts before
-- the last one.
CREATE TABLE webhook_delivery (
    endpoint uuid NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    id       uuid NOT NULL,
    event    bigint NOT NULL,
    message  uuid NOT NULL,
    type     text NOT NULL,
    payer    bigint NOT NULL,
    payee    bigint NOT NULL,
    state    smallint NOT NULL,
    asked    boolean NOT NULL DEFAULT false,
    attempts smallint NOT NULL,
    next_at  timestamptz,
    tried_at timestamptz,
    took_ms  int,
    status   smallint,
    error    text,
    history  jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (endpoint, id)
);
CREATE INDEX webhook_delivery_pending ON webhook_delivery (endpoint, id) WHERE state = 0;
CREATE INDEX webhook_delivery_dead ON webhook_delivery (endpoint, id) WHERE state = 2;
CREATE INDEX webhook_delivery_asked ON webhook_delivery (endpoint, id) WHERE asked;

-- One process of the cluster sends, as long as it renews this.
CREATE TABLE webhook_lease (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    holder uuid NOT NULL,
    until  timestamptz NOT NULL
);
