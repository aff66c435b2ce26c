"""What is told of a run: counts, progress, logs, the summary, and the watchdog.

Observers only listen; the stages do not know them.
"""
