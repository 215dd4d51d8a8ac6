-- What is proved of what is stored, and which events moved.

-- The ledger of heights at which nothing proves yet that all logs are stored, whether there are any or not. Ranges of one
-- chain neither overlap nor touch. The listener works them off when there is nothing to do at the tip.
CREATE TABLE unverified_ranges (
    chain_id bigint NOT NULL REFERENCES chains (chain_id),
    first    bigint NOT NULL CHECK (first >= 0),
    last     bigint NOT NULL,
    PRIMARY KEY (chain_id, first),
    CONSTRAINT not_empty CHECK (first <= last)
);
-- What was stored before there was a ledger: nobody remembers how it was proved.
INSERT INTO unverified_ranges (chain_id, first, last)
SELECT chain_id, min(number), max(number) FROM blocks WHERE is_canonical GROUP BY chain_id;

-- Set on the row of an event (kind 0) that a reorganisation moved: the event that it was before, in another block. That one
-- was retracted by an earlier row. Both are the same log: chain, transaction, position among the transaction's watched logs,
-- contract, topics and data agree.
ALTER TABLE feed ADD COLUMN moved_from bigint;
ALTER TABLE feed ADD CONSTRAINT moved_only_if_event CHECK (moved_from IS NULL OR kind = 0);
-- Both serve the search for what an event moved from; small, since few events are ever retracted.
CREATE INDEX events_orphaned ON events (chain_id, transaction_hash) WHERE NOT is_canonical;
CREATE INDEX feed_retractions ON feed (event_id) WHERE kind = 1;

-- A log that a node answered with another content than it has on the chain steps aside for the right one: it is retracted,
-- and its revision counts up. Every other log is revision 0.
ALTER TABLE events ADD COLUMN revision smallint NOT NULL DEFAULT 0;
ALTER TABLE events DROP CONSTRAINT events_position;
ALTER TABLE events ADD CONSTRAINT events_position UNIQUE (chain_id, block_hash, log_index, revision);
