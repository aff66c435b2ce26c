"""One attempt at one URL: bytes and headers that came back, or why not."""
