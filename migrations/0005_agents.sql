-- Wallets that proved they own an agent.

-- A challenge is single use: it is consumed by the decision about it, in the same transaction.
CREATE TABLE challenges (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    nonce           text NOT NULL UNIQUE CHECK (nonce ~ '^[0-9a-f]{64}$'),
    purpose         text NOT NULL CHECK (purpose IN ('link')),
    wallet_address  bytea NOT NULL CHECK (octet_length(wallet_address) = 20),
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    chain_id        bigint NOT NULL,
    registry        bytea NOT NULL CHECK (octet_length(registry) = 20),
    agent_id        numeric(78, 0) NOT NULL,
    -- The exact text that is signed.
    message         text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    consumed_at     timestamptz
);
CREATE INDEX challenges_expiry ON challenges (expires_at);

CREATE TABLE agent_links (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    agent_id        numeric(78, 0) NOT NULL,
    chain_id        bigint NOT NULL,
    registry        bytea NOT NULL CHECK (octet_length(registry) = 20),
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    wallet_address  bytea NOT NULL CHECK (octet_length(wallet_address) = 20),
    status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'unlinked')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    unlinked_at     timestamptz,
    CONSTRAINT unlinked_iff_ended CHECK ((unlinked_at IS NOT NULL) = (status = 'unlinked'))
);
CREATE UNIQUE INDEX agent_links_live ON agent_links (chain_id, registry, agent_id) WHERE status <> 'unlinked';
CREATE INDEX agent_links_organization ON agent_links (organization_id, created_at);
