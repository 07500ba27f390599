"""E1 toward the console: G.704 framer, HDLC, LAPB, X.25 packet layer, lines, speech.

The room is open: so far it holds where each KSL lies in the stream (:mod:`e1.timeslots`).
"""
