"""One run: its files, what it keeps and finds again, its life, and the records that it leaves."""
