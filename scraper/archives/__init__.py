"""Pages that were fetched before, by this program or another: WARC files, and folders of saved pages."""
