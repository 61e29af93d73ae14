-- What finds credit records (kinds 30 and on but scores), written in the transaction of their block. `wallet`: the holder's, 0 where there is
-- none; `about`: the consent, inquiry or order that the record is about, 0 = none; `account`: the merchant's.
CREATE TABLE credit (
    wallet  bigint   NOT NULL,
    record  bigint   NOT NULL,
    kind    smallint NOT NULL,
    about   bigint   NOT NULL,
    account bigint   NOT NULL,
    PRIMARY KEY (wallet, kind, record)
);
CREATE INDEX credit_about ON credit (about, record) WHERE about <> 0;
CREATE INDEX credit_account ON credit (account, kind, record);
