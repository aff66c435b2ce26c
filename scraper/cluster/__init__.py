"""A run in parts, on this machine or on several: split, handed to workers, watched, put together."""
