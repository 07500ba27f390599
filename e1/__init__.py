"""E1 toward the console: G.704 framer and alarms, HDLC, LAPB, X.25 packet layer, lines, speech."""
