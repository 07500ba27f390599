"""LAPB, the link layer of X.25: frames, the state machine of a link, its window and settings."""
