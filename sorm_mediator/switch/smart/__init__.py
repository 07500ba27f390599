"""The smart licence: a licence of calls per second that a licence cloud grants, and what it does to calls.

:mod:`.modes` is the state table, :mod:`.cps` the check of calls per second, :mod:`.messages` the documents and their
signatures, :mod:`.client` the switch's side, :mod:`.cloud` the stand-in of the licence cloud; all without input and
output. :mod:`.agent` binds the client to HTTP and the clock.

Source: docs/smart-licence.md.
"""
