"""Licences: their limits, their keys, which one holds, and how calls count."""
