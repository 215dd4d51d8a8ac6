-- What a commit costs: the keys of indexes, and the ways between the listener and the database.

-- Most of what an event costs to store is its place in the indexes, so their keys are cheap to compare.

-- An agent's events are found by a hash of its number, of which a query compares the whole too.
DROP INDEX events_agent;
CREATE INDEX events_agent ON events (hash_numeric(agent_id), id) WHERE agent_id IS NOT NULL;

-- Names of events have one order in every language. This builds the index of types anew.
ALTER TABLE events ALTER COLUMN event_type TYPE text COLLATE "C";

-- Takes a chain's row for the rest of the transaction. A listener that lost its lease, or whose memory is old, is stopped by
-- an error, so that nothing of what it sent behind this can happen.
CREATE FUNCTION hold_chain(chain bigint, token bigint, parent bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    hash bytea;
BEGIN
    SELECT checkpoint_hash INTO hash FROM chains WHERE chain_id = chain AND listener_token = token FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease of chain % was lost', chain USING ERRCODE = 'TC001';
    ELSIF hash IS DISTINCT FROM parent THEN
        RAISE EXCEPTION 'the checkpoint of chain % was moved', chain USING ERRCODE = 'TC002';
    END IF;
END $$;
