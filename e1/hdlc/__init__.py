"""HDLC: frames in a timeslot or on an asynchronous line, and their check sequence."""
