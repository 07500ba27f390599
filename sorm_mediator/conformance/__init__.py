"""``sorm-mediator conformance``: the console as an examiner of any mediator, clause by clause of order 268.

It speaks the console's protocol alone: nothing here knows how the mediator that is examined works inside.
"""
