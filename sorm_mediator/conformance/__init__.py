"""``sorm-mediator conformance``: the console as an examiner of any mediator, clause by clause of order 268.

It uses the console's protocol alone: nothing here depends on the inside of the mediator that is examined.
"""
