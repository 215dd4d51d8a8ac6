"""The development chain: execution, history, JSON-RPC."""
