-- Documents that decide. A version, once published, never changes and never goes.
CREATE TABLE scorecard (
    number   int NOT NULL UNIQUE,
    name     text NOT NULL,
    version  int NOT NULL CHECK (version > 0),
    document text NOT NULL,
    hash     text NOT NULL,
    made_by  int REFERENCES account (id),
    made_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version)
);

-- `number` is what records keep of who decided; `rules` (`live`, or in shadow) and `reasons` name the bits of hits and of decisions.
-- `files`: JSON, the texts of lists by name. A pack names its card, or holds one in its text.
CREATE TABLE rule_pack (
    number       int PRIMARY KEY CHECK (number > 0),
    name         text NOT NULL,
    version      int NOT NULL CHECK (version > 0),
    text         text NOT NULL,
    files        text NOT NULL,
    hash         text NOT NULL,
    card_name    text,
    card_version int,
    rules        text[] NOT NULL,
    live         boolean[] NOT NULL,
    reasons      text[] NOT NULL,
    fallback     smallint NOT NULL,
    made_by      int REFERENCES account (id),
    made_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, version),
    FOREIGN KEY (card_name, card_version) REFERENCES scorecard (name, version)
);

-- Every deployment there ever was; the last one holds. A change is the difference to the row before.
CREATE TABLE deployment (
    revision   bigint PRIMARY KEY CHECK (revision > 0),
    live       int NOT NULL REFERENCES rule_pack (number),
    challenger int REFERENCES rule_pack (number),
    share      int NOT NULL CHECK (share BETWEEN 0 AND 1000),
    shadows    int[] NOT NULL,
    made_by    int REFERENCES account (id),
    made_at    timestamptz NOT NULL DEFAULT now()
);

-- What scorers have counted of a pack. 'decided': by action; 'shadow': by 3 * action of the deciding pack + own action; 'hit' and
-- 'no_value' (null, overflow, division by zero): by rule.
CREATE TABLE pack_count (
    pack  int NOT NULL REFERENCES rule_pack (number),
    what  text NOT NULL CHECK (what IN ('decided', 'shadow', 'hit', 'no_value')),
    item  int NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (pack, what, item)
);
