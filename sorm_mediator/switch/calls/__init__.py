"""Calls: made, led through their domains, matched against the objects on control, reported. Sans-IO but for speech."""
