"""A run as one page for people: figures of its records, and that page in HTML."""
