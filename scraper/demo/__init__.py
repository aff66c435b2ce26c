"""A sample web for trying the scraper out and for its tests: made from a seed, served on loopback."""
