"""Records made again of pages that were fetched before: by the code of a crawl, without the network."""
