"""One visit: fetched, judged, read, and made a record; and from settings to who does that."""
