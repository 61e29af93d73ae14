-- Accounts that see and move only wallets of their own: those listed here, and all wallets of the owners listed here.
ALTER TABLE account ADD COLUMN bound boolean NOT NULL DEFAULT false;

CREATE TABLE account_wallet (
    account int    NOT NULL REFERENCES account (id),
    address bigint NOT NULL,
    PRIMARY KEY (account, address)
);

CREATE TABLE account_owner (
    account int  NOT NULL REFERENCES account (id),
    owner   text NOT NULL,
    PRIMARY KEY (account, owner)
);
