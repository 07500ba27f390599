"""The frames of an E1 stream (ITU-T G.704): both directions, alarms, error counters, timeslots."""
