-- History at the speed of the disk: fewer and cheaper indexes, and what each contract was read of.

-- One index for two: a log's height and its place are unique together with its block, and events are read by height.
ALTER TABLE events DROP CONSTRAINT events_position;
DROP INDEX events_height;
ALTER TABLE events ADD CONSTRAINT events_position UNIQUE (chain_id, block_number, log_index, block_hash, revision);

-- An agent's events are listed by row, whatever their chain.
DROP INDEX events_agent;
CREATE INDEX events_agent ON events (agent_id, id) WHERE agent_id IS NOT NULL;

-- Whoever writes a block holds the row of its chain, so the key proves nothing that is not known; it was checked anew for
-- each block.
ALTER TABLE blocks DROP CONSTRAINT blocks_chain_id_fkey;

-- How fast the listener stores history, in blocks a second; null while it follows the tip.
ALTER TABLE chains ADD COLUMN history_rate double precision;

-- What of each watched contract is stored: everything from `live_from` to the chain's checkpoint, and everything from
-- `first` to `filled_to`. What lies between is filled beside the tip; a contract that was there from the beginning has
-- nothing to fill.
CREATE TABLE coverage (
    chain_id  bigint NOT NULL,
    address   bytea NOT NULL CHECK (octet_length(address) = 20),
    live_from bigint NOT NULL,
    first     bigint,
    filled_to bigint,
    PRIMARY KEY (chain_id, address),
    CONSTRAINT filled_from_somewhere CHECK (filled_to IS NULL OR first IS NOT NULL),
    CONSTRAINT filled_below CHECK (first < live_from AND filled_to < live_from)
);
-- What was stored before this table was: contracts that wrote something were watched from their start.
INSERT INTO coverage (chain_id, address, live_from) SELECT DISTINCT chain_id, contract_address, 0 FROM events;
