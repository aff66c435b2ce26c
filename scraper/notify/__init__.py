"""Tells people what came of a job: by a command, a signed webhook, or a service that apprise knows."""
