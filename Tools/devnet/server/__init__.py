"""The HTTP server shared by the node and the receivers."""
