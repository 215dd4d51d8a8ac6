-- What the chains said: blocks, events, and the feed that orders them.

CREATE TABLE chains (
    chain_id          bigint PRIMARY KEY CHECK (chain_id > 0),
    -- The lease: one listener writes a chain at a time. The token grows with every new holder and fences the old one.
    listener_token    bigint NOT NULL DEFAULT 0,
    -- The process that holds the lease: the number of an advisory lock that it keeps as long as it lives.
    listener_holder   text,
    listener_until    timestamptz,
    -- The last block whose events are all stored; null before the first commit.
    checkpoint_number bigint,
    checkpoint_hash   bytea CHECK (octet_length(checkpoint_hash) = 32),
    -- The sequence of the newest feed row. Handed out by the holder of the lease alone, so the feed has no holes.
    feed_sequence     bigint NOT NULL DEFAULT 0,
    head_number       bigint,
    safe_number       bigint,
    finalized_number  bigint,
    head_seen_at      timestamptz,
    -- What the listener fails at, without URLs and keys; null while it works. It goes on trying.
    listener_error    text,
    -- Set when the listener cannot go on without an operator; says what to do.
    halted_reason     text,
    CONSTRAINT checkpoint_whole CHECK ((checkpoint_number IS NULL) = (checkpoint_hash IS NULL))
);

-- The blocks that a reorganisation could still undo, and those with events.
CREATE TABLE blocks (
    chain_id     bigint NOT NULL REFERENCES chains (chain_id),
    number       bigint NOT NULL,
    hash         bytea NOT NULL CHECK (octet_length(hash) = 32),
    parent_hash  bytea NOT NULL CHECK (octet_length(parent_hash) = 32),
    timestamp    bigint NOT NULL,
    is_canonical boolean NOT NULL DEFAULT true,
    -- How the block's logs were proved complete: 'bloom', 'receipts', 'quorum'; null while they are not.
    verification text CHECK (verification IN ('bloom', 'receipts', 'quorum')),
    -- How many logs of watched contracts it holds.
    log_count    integer NOT NULL CHECK (log_count >= 0),
    PRIMARY KEY (chain_id, number, hash)
);
CREATE UNIQUE INDEX blocks_canonical ON blocks (chain_id, number) WHERE is_canonical;
-- Serves the removal of blocks that nothing refers to and no reorganisation can undo.
CREATE INDEX blocks_empty ON blocks (chain_id, number) WHERE log_count = 0;

-- An event is its log. Parameters are decoded from topics and data whenever they are needed, so no column type can
-- refuse what a contract wrote (U+0000, 2^256 - 1) and a better decoder reads old rows too.
CREATE TABLE events (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chain_id          bigint NOT NULL,
    block_number      bigint NOT NULL,
    block_hash        bytea NOT NULL,
    block_timestamp   bigint NOT NULL,
    transaction_hash  bytea NOT NULL,
    transaction_index integer NOT NULL,
    transaction_from  bytea,
    log_index         integer NOT NULL,
    contract_address  bytea NOT NULL,
    registry          text NOT NULL CHECK (registry IN ('identity', 'reputation', 'validation')),
    -- Null where the log could not be decoded; decoding_error says why.
    event_type        text,
    decoding_error    text,
    agent_id          numeric(78, 0),
    topics            bytea NOT NULL CHECK (octet_length(topics) IN (0, 32, 64, 96, 128)),
    data              bytea NOT NULL,
    is_canonical      boolean NOT NULL DEFAULT true,
    created_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT events_position UNIQUE (chain_id, block_hash, log_index)
);
CREATE INDEX events_height ON events (chain_id, block_number, log_index);
CREATE INDEX events_agent ON events (agent_id, chain_id, id) WHERE agent_id IS NOT NULL;
CREATE INDEX events_type ON events (event_type, id);

-- A chain's ordered record. kind: 0 event, 1 retraction (of event_id), 2 safe mark, 3 finalized mark. A mark says that the
-- events in rows before it, up to block_number, are safe or finalized; only a mark that says so of some event is written.
CREATE TABLE feed (
    chain_id     bigint NOT NULL,
    sequence     bigint NOT NULL,
    kind         smallint NOT NULL CHECK (kind BETWEEN 0 AND 3),
    event_id     bigint,
    block_number bigint NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (chain_id, sequence),
    CONSTRAINT event_iff_about_one CHECK ((event_id IS NOT NULL) = (kind IN (0, 1)))
);
