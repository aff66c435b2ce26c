"""In which line a key stands."""

from __future__ import annotations

from scraper.schedule.toml_lines import TomlLines

TEXT = """\
top = 1
[job.a]  # one
sources = [
    "x = 1",
    "y",
]
"quoted key" = 2
dotted.name = 3
long = '''
inner = 4
'''
after = 5
[ job . "b c" ]
x = { y = 1 }
[[job.a.notify]]
on = 1
[job.a.settings.fetch]
total_s = 3
[[job.a.notify]]
on = 2
"""


def test_keys_and_tables_are_found_where_they_stand() -> None:
    lines = TomlLines(TEXT)
    expected = {
        ("top",): 1,
        ("job", "a"): 2,
        ("job", "a", "sources"): 3,
        ("job", "a", "quoted key"): 7,
        ("job", "a", "dotted", "name"): 8,
        ("job", "a", "dotted"): 8,
        ("job", "a", "long"): 9,
        ("job", "a", "after"): 12,
        ("job", "b c"): 13,
        ("job", "b c", "x", "y"): 14,
        ("job", "a", "notify", "on"): 16,
        ("job", "a", "notify"): 15,
        ("job", "a", "notify", "1"): 15,
        ("job", "a", "notify", "2"): 19,
        ("job", "a", "settings", "fetch", "total_s"): 18,
        ("job", "a", "missing"): 2,
        ("nothing",): None,
    }
    assert {path: lines.of(*path) for path in expected} == expected
    assert lines.of("job", "a", "inner") == 2, "what stands in a text is no key"
