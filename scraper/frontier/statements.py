"""The state's tables, and the statements that move batches in and out of them."""

from __future__ import annotations

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE sources (number INTEGER PRIMARY KEY, consumed INTEGER NOT NULL, ended INTEGER NOT NULL);
CREATE TABLE seen (key BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE fresh (seqs BLOB NOT NULL, keys BLOB NOT NULL);
CREATE TABLE lines (place INTEGER PRIMARY KEY, line TEXT NOT NULL);
CREATE TABLE waiting (host INTEGER, place INTEGER, PRIMARY KEY (host, place)) WITHOUT ROWID;
CREATE TABLE arrived (place INTEGER PRIMARY KEY, host INTEGER NOT NULL);
CREATE TABLE tally (
    outcome TEXT, status INTEGER, records INTEGER NOT NULL, PRIMARY KEY (outcome, status)
) WITHOUT ROWID;
CREATE TABLE links (host INTEGER PRIMARY KEY, taken INTEGER NOT NULL);
CREATE TABLE holds (host INTEGER PRIMARY KEY, until_s REAL NOT NULL);
CREATE TABLE listed (name INTEGER PRIMARY KEY);
"""

# What a part of a larger run has for the others, and the hosts that have changed hands between them.
PART_TABLES = """
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    part INTEGER NOT NULL, listed INTEGER NOT NULL, line TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS guests (host TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS departed (host TEXT PRIMARY KEY, part INTEGER NOT NULL) WITHOUT ROWID;
"""

# Every step of a statement gives the interpreter's lock away and has to win it back from a busy event
# loop, which takes up to 5 ms. So a batch goes in and out as one JSON text and costs a handful of steps,
# however many rows it has: statements row by row took 114 ms to admit 500 lines, and slowed the loop.
#
# Rows go in in the order of their table, so that each of its pages is looked for once: keys are random, and
# lists go round their hosts.
#
# Keys that were seen: those in the tree, and those not yet brought into it. JSON can't hold their 16 bytes,
# so one blob holds those of all, beside a JSON array of as many numbers.
ANY_SEEN = "SELECT 1 FROM seen LIMIT 1"
FRESH = "SELECT seqs, keys FROM fresh"
NOTE_FRESH = "INSERT INTO fresh VALUES (?, ?)"
MERGE_FRESH = "INSERT INTO seen SELECT substr(?, key * 16 + 1, 16), value FROM json_each(?)"
DROP_FRESH = "DELETE FROM fresh"
IN_TREE = """
SELECT json_group_array(json_array(asked.value, seen.seq)) FROM json_each(:asked) AS asked CROSS JOIN seen
ON seen.key = substr(:keys, asked.value * 16 + 1, 16)
"""
# Lines lie in the order in which they have come. Where they wait is told by host, in rows so small that many
# hosts share a page: a long list that goes round its hosts would else touch a page for each line. For the
# same reason these are put down as they come, and sorted in when there are many or somebody wants to read.
PUT = "INSERT INTO lines SELECT ? + key, value FROM json_each(?)"
ADMIT = "INSERT INTO waiting SELECT value, ? + key FROM json_each(?) ORDER BY 1, 2"
ARRIVE = "INSERT INTO arrived SELECT ? + key, value FROM json_each(?)"
ARRIVED = "SELECT ifnull((SELECT max(place) FROM arrived) - (SELECT min(place) FROM arrived) + 1, 0)"
SORT_IN = "INSERT INTO waiting SELECT host, place FROM arrived ORDER BY host, place"
LOAD = """
SELECT group_concat('[' || json_extract(value, '$[0]') || ',[' || ifnull((
    SELECT group_concat('[' || place || ',' || line || ']') FROM (
        SELECT place, line FROM waiting CROSS JOIN lines USING (place)
        WHERE host = json_extract(value, '$[0]') AND waiting.place > json_extract(value, '$[1]')
        ORDER BY waiting.place LIMIT ?
    )
), '') || ']]') FROM json_each(?)
"""
HOSTS = """
WITH RECURSIVE found (id, n) AS (
    SELECT (SELECT host FROM waiting WHERE host > ? ORDER BY host LIMIT 1), 1
    UNION ALL
    SELECT (SELECT host FROM waiting WHERE host > found.id ORDER BY host LIMIT 1), n + 1
    FROM found WHERE id IS NOT NULL AND n < ?
)
SELECT json_group_array(id) FROM found WHERE id IS NOT NULL
"""
REMOVE = """
DELETE FROM waiting WHERE (host, place) IN (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)
)
"""
REMOVE_LINES = "DELETE FROM lines WHERE place IN (SELECT json_extract(value, '$[1]') FROM json_each(?))"
TALLY = """
INSERT INTO tally
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?)
WHERE true ON CONFLICT DO UPDATE SET records = records + excluded.records
"""
LARGEST = """
SELECT (
    SELECT json_extract(line, '$[3]') FROM lines
    WHERE place = (SELECT place FROM waiting WHERE host = counted.host LIMIT 1)
), host, lines
FROM (
    SELECT host, count(*) AS lines FROM waiting WHERE host <> ? GROUP BY host
    ORDER BY lines DESC, host LIMIT ?
) AS counted ORDER BY lines DESC, host
"""
LINKS_TAKEN = "SELECT host, taken FROM links WHERE host IN (SELECT value FROM json_each(?))"
HOLDS = "SELECT host, until_s FROM holds WHERE host IN (SELECT value FROM json_each(?))"
# Hosts of the list by the ids of their names without a port.
LIST = "INSERT OR IGNORE INTO listed SELECT value FROM json_each(?)"
LISTED = "SELECT json_group_array(name) FROM listed WHERE name IN (SELECT value FROM json_each(?))"
