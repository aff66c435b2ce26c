"""What a crawl of some sources would be, before it is begun."""
