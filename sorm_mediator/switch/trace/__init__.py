"""The trace of a call: the result of routing, for people and programs, without a call."""
