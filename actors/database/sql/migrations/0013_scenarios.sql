-- Credit scenarios. `number` is that of the name, which consents and records keep; a version, once published, never changes and never goes.
CREATE TABLE scenario (
    number  int NOT NULL CHECK (number > 0),
    version int NOT NULL CHECK (version BETWEEN 1 AND 65535),
    name    text NOT NULL,
    text    text NOT NULL,
    hash    text NOT NULL,
    made_by int REFERENCES account (id),
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (number, version),
    UNIQUE (name, version)
);

-- In which scenarios a bound account may ask as a merchant.
CREATE TABLE account_scenario (
    account int  NOT NULL REFERENCES account (id),
    name    text NOT NULL,
    PRIMARY KEY (account, name)
);

-- Merchants' own numbers of service orders, taken before an order is made; one order a receipt. `record`: of the order once it is made.
CREATE TABLE order_number (
    account  int         NOT NULL REFERENCES account (id),
    number   text        NOT NULL,
    receipt  bigint      NOT NULL UNIQUE,
    record   bigint,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, number)
);
