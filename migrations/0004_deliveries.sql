-- What goes out: the engine's place in each feed, deliveries, attempts.

CREATE TABLE engine_cursors (
    chain_id      bigint PRIMARY KEY,
    -- The lease, as the listener's: one engine evaluates a chain at a time.
    engine_token  bigint NOT NULL DEFAULT 0,
    engine_holder text,
    engine_until  timestamptz,
    -- The sequence of the last feed row whose deliveries are all stored.
    sequence      bigint NOT NULL DEFAULT 0,
    -- The heights up to which triggers of finality `safe` and `finalized` have been evaluated.
    safe_number      bigint,
    finalized_number bigint
);

-- Hot and small: what is not finished. No payload; it is rendered from the event and the action's version.
-- kind: 0 notification, 1 retraction notice. state: 0 due, 1 leased, 2 parked.
CREATE TABLE deliveries (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action_id       bigint NOT NULL,
    action_version  integer NOT NULL,
    event_id        bigint NOT NULL,
    kind            smallint NOT NULL CHECK (kind IN (0, 1)),
    trigger_id      uuid NOT NULL,
    organization_id uuid NOT NULL,
    destination_id  bigint NOT NULL,
    channel         text NOT NULL CHECK (channel IN ('telegram', 'rest', 'mcp')),
    state           smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
    -- Attempts begun so far.
    attempt         integer NOT NULL DEFAULT 0,
    run_at          timestamptz NOT NULL DEFAULT now(),
    lease_id        bigint,
    lease_until     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- The event first, so that it also serves a retraction's question for all deliveries of an event.
    CONSTRAINT deliveries_once UNIQUE (event_id, action_id, kind),
    CONSTRAINT lease_iff_leased CHECK ((lease_id IS NOT NULL) = (state = 1) AND (lease_until IS NOT NULL) = (state = 1))
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0
);
-- Serves the claim. Partial, so leased and parked rows cost it nothing.
CREATE INDEX deliveries_due ON deliveries (run_at, id) WHERE state = 0;
-- Serves the rescue of leases that ran out.
CREATE INDEX deliveries_leased ON deliveries (lease_until) WHERE state = 1;
CREATE INDEX deliveries_organization ON deliveries (organization_id, id);

CREATE SEQUENCE delivery_leases;

-- Finished rows, by day, so that retention drops tables instead of deleting rows.
CREATE TABLE finished_deliveries (
    id              bigint NOT NULL,
    action_id       bigint NOT NULL,
    action_version  integer NOT NULL,
    event_id        bigint NOT NULL,
    kind            smallint NOT NULL,
    trigger_id      uuid NOT NULL,
    organization_id uuid NOT NULL,
    destination_id  bigint NOT NULL,
    channel         text NOT NULL,
    outcome         text NOT NULL CHECK (outcome IN ('delivered', 'failed', 'cancelled')),
    attempt         integer NOT NULL,
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (finished_at);
CREATE TABLE finished_deliveries_default PARTITION OF finished_deliveries DEFAULT;
CREATE INDEX finished_deliveries_id ON finished_deliveries (id);
-- Serves retractions.
CREATE INDEX finished_deliveries_event ON finished_deliveries (event_id);
CREATE INDEX finished_deliveries_organization ON finished_deliveries (organization_id, id);

CREATE TABLE attempts (
    delivery_id      bigint NOT NULL,
    number           integer NOT NULL,
    -- 'auto', 'manual', 'replay', 'test'
    cause            text NOT NULL DEFAULT 'auto',
    started_at       timestamptz NOT NULL,
    ended_at         timestamptz NOT NULL,
    -- Null: it succeeded. Otherwise one of the documented error classes.
    error_class      text,
    error_message    text,
    status           integer,
    peer             text,
    http_version     text,
    dns_ms           real,
    connect_ms       real,
    tls_ms           real,
    first_byte_ms    real,
    total_ms         real,
    is_reused        boolean,
    request_sha256   bytea,
    response_headers json,
    response_body    bytea,
    is_body_truncated boolean NOT NULL DEFAULT false,
    next_at          timestamptz
) PARTITION BY RANGE (ended_at);
CREATE TABLE attempts_default PARTITION OF attempts DEFAULT;
CREATE INDEX attempts_delivery ON attempts (delivery_id, number);

-- Makes the daily partitions from today to `days` ahead. The default partition catches what a clock jump leaves out.
CREATE FUNCTION ensure_partitions(days integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day date;
    parent text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tocsin.ensure_partitions'));
    FOR day IN SELECT generate_series(current_date, current_date + days, interval '1 day')::date LOOP
        FOREACH parent IN ARRAY ARRAY['finished_deliveries', 'attempts'] LOOP
            IF to_regclass(format('%I', parent || '_' || to_char(day, 'YYYYMMDD'))) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || '_' || to_char(day, 'YYYYMMDD'), parent, day::timestamptz, (day + 1)::timestamptz);
            END IF;
        END LOOP;
    END LOOP;
END $$;
SELECT ensure_partitions(3);
