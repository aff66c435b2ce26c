"""robots.txt after RFC 9309: what a file's text says about a URL. Pure: no I/O, no clock, no settings."""
