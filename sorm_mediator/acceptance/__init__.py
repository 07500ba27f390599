"""The check before a node is handed over: is every kind of number under control, and shown, as it was agreed?

``matrix`` plans the calls to be made and what they must show, ``compare`` what is wrong with what came, both
without I/O; ``run`` makes the calls in a real lab over the console's own channels; ``report`` and ``html`` show it.

Source: ECSS-10 manual, Number format check, with its points to be checked.
"""
