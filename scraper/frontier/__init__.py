"""All lines known and not yet finished, and which request is next."""
