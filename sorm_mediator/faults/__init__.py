"""Faults of the mediator's links, made on purpose: what is ordered, what it does to units, and which are active."""
