"""The packet layer of X.25: packets, the state machine of a circuit, its queue and settings."""
