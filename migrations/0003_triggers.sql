-- What the users asked for: triggers, their conditions and actions, and the destinations that actions point to.

CREATE TABLE triggers (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id    uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id            uuid NOT NULL REFERENCES users (id),
    name               text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    description        text CHECK (char_length(description) <= 1000),
    -- Null: every chain.
    chain_id           bigint CHECK (chain_id > 0),
    registry           text NOT NULL CHECK (registry IN ('identity', 'reputation', 'validation', 'any')),
    enabled            boolean NOT NULL DEFAULT true,
    -- When it was last switched on: what the feed held long before is not for it.
    enabled_at         timestamptz NOT NULL DEFAULT now(),
    is_stateful        boolean NOT NULL DEFAULT false,
    finality           text NOT NULL DEFAULT 'latest' CHECK (finality IN ('latest', 'safe', 'finalized')),
    mode               text NOT NULL DEFAULT 'live' CHECK (mode IN ('live', 'shadow')),
    notify_retractions boolean NOT NULL DEFAULT true,
    version            bigint NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX triggers_organization ON triggers (organization_id, created_at DESC, id);

CREATE FUNCTION note_enabling() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.enabled_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER triggers_enabled BEFORE UPDATE ON triggers
    FOR EACH ROW WHEN (NEW.enabled AND NOT OLD.enabled) EXECUTE FUNCTION note_enabling();

CREATE TABLE trigger_conditions (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trigger_id     uuid NOT NULL REFERENCES triggers (id) ON DELETE CASCADE,
    condition_type text NOT NULL CHECK (char_length(condition_type) BETWEEN 1 AND 100),
    field          text NOT NULL CHECK (char_length(field) BETWEEN 1 AND 255),
    operator       text NOT NULL CHECK (char_length(operator) BETWEEN 1 AND 50),
    -- The value as the client wrote it: a JSON document. `json`, not `jsonb`: jsonb refuses U+0000.
    value          json,
    config         json,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX trigger_conditions_trigger ON trigger_conditions (trigger_id, id);

CREATE TABLE destinations (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    channel         text NOT NULL CHECK (channel IN ('telegram', 'rest', 'mcp')),
    -- Where it is: the chat, the URL, the MCP server's URL.
    target          text NOT NULL CHECK (octet_length(target) BETWEEN 1 AND 2048),
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT destinations_target UNIQUE (organization_id, channel, target)
);

CREATE TABLE trigger_actions (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trigger_id     uuid NOT NULL REFERENCES triggers (id) ON DELETE CASCADE,
    action_type    text NOT NULL CHECK (action_type IN ('telegram', 'rest', 'mcp')),
    priority       integer NOT NULL DEFAULT 0,
    destination_id bigint NOT NULL REFERENCES destinations (id),
    version        integer NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX trigger_actions_trigger ON trigger_actions (trigger_id, priority, id);

-- A delivery names its action's version, so every retry renders the same bytes. Rows outlive their action: what was
-- promised before an action changed or went is still delivered as it was promised.
CREATE TABLE action_versions (
    action_id  bigint NOT NULL,
    version    integer NOT NULL,
    trigger_id uuid NOT NULL,
    trigger_name text NOT NULL,
    -- What clients may read. Secrets are absent here; `secrets` holds them sealed (AES-256-GCM, key id inside).
    config     json NOT NULL,
    secrets    bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (action_id, version)
);

-- Tells engines what changed. An engine remembers the oldest transaction that might have been running when it last
-- looked and asks for everything since: no change can hide behind a slow commit, and no lock orders the writers.
CREATE TABLE trigger_changes (
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    trigger_id     uuid NOT NULL,
    PRIMARY KEY (transaction_id, trigger_id)
);

CREATE FUNCTION note_trigger_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid;
BEGIN
    IF TG_TABLE_NAME = 'triggers' THEN
        changed := CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END;
    ELSE
        changed := CASE WHEN TG_OP = 'DELETE' THEN OLD.trigger_id ELSE NEW.trigger_id END;
    END IF;
    INSERT INTO trigger_changes (trigger_id) VALUES (changed) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER triggers_changed AFTER INSERT OR UPDATE OR DELETE ON triggers
    FOR EACH ROW EXECUTE FUNCTION note_trigger_change();
CREATE TRIGGER trigger_conditions_changed AFTER INSERT OR UPDATE OR DELETE ON trigger_conditions
    FOR EACH ROW EXECUTE FUNCTION note_trigger_change();
CREATE TRIGGER trigger_actions_changed AFTER INSERT OR UPDATE OR DELETE ON trigger_actions
    FOR EACH ROW EXECUTE FUNCTION note_trigger_change();
