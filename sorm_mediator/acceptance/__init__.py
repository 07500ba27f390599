"""The check before a node is handed over: is every kind of number controlled, and shown, in the agreed
format?

``matrix`` plans the calls and the required events, ``compare`` finds the problems, both without I/O. ``run``
makes the calls in a real lab over the console's own channels. ``report`` and ``html`` show the result.

Source: ECSS-10 manual, Number format check, with its list of checks.
"""
