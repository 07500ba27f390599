"""``sorm-mediator conformance``: the console as an examiner of any mediator, clause by clause of order 268.

The package uses only the console's protocol: it does not depend on the inside of the examined mediator.
"""
