"""What is known of each URL from run to run, in one SQLite file: read during a run, updated at its end."""
