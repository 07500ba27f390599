"""A long run of a mediator under load, faults and fuzzing: does anything leak, is anything lost?"""
