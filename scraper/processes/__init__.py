"""Visits in child processes: for more than one core, and as a wall against pages that crash a parser."""
