"""The network of nodes that share one licence file: the state of a node, what the master has given to whom, and the
messages between them.

The cores have no I/O; :mod:`~sorm_mediator.switch.licence_network.binding` has the sockets. Source:
docs/network-licence.md; OpenScape Business administration, Licensing Multiple Communication Systems (Internetwork).
"""
