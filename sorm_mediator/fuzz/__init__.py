"""Fuzzing: inputs made by chance, checks that must hold for all of them, and a small reproducer of each that fails."""
