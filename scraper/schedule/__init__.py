"""Periodic runs: jobs in a file, a daemon that starts them, and a history of what came of each."""
