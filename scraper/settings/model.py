"""Every setting, its default, its bounds and what it means: one frozen struct for each stage.

A field's docstring is its documentation everywhere: in ``config/default.toml``, in the messages
about bad values, in the reference. Units end a name: ``_s`` seconds, ``_bytes`` bytes.

Below ``assembly`` nobody sees ``Settings`` whole: a stage is given its own section and no more.
"""

from __future__ import annotations

import enum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]
SecondsOrZero = Annotated[float, Meta(ge=0)]


class Holds(enum.Enum):
    """What a text or a table holds where its type does not say; stands as ``holds`` in a ``Meta``'s extra."""

    FIELD_RULES = enum.auto()
    """Rules for fields of the user's own, by name; examples as for ``HOST_LIMITS``."""
    HEADERS = enum.auto()
    """Names and texts of header fields (RFC 9110 5)."""
    HOST_LIMITS = enum.auto()
    """Limits by host pattern; the first of the ``Meta``'s examples is shown to users."""
    PROXY = enum.auto()
    """The URL of a proxy, perhaps with credentials; empty for none."""
    REGULAR_EXPRESSION = enum.auto()
    """A pattern of Python's ``re``."""
    URL_PATTERN = enum.auto()
    """The same, to be searched for in URLs that others write (``settings.url_patterns``)."""


Headers = Annotated[dict[str, str], Meta(extra={"holds": Holds.HEADERS})]
ProxyUrl = Annotated[str, Meta(extra={"holds": Holds.PROXY})]
RegularExpression = Annotated[str, Meta(extra={"holds": Holds.REGULAR_EXPRESSION})]
UrlPattern = Annotated[str, Meta(extra={"holds": Holds.URL_PATTERN})]


class RunSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The run as a whole."""

    workers: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """How many pages are fetched at the same time, over all hosts; those that only wait for a slow host are
    counted apart."""
    waiting_visits: Annotated[int, Meta(ge=0, le=100_000)] = 512
    """So many pages more may be waited for at hosts that are slow (see ``fetch.patience_s``), so that the
    workers are free for others; fewer when the system allows few open files (``ulimit -n``)."""
    processes: Annotated[int, Meta(ge=0, le=64)] = 0
    """So many child processes fetch and parse, for more than one core, and so that a page that crashes or
    stalls a parser costs only itself; 0 does all in one process."""
    drain_s: SecondsOrZero = 30.0
    """After the first signal: how long what is under way may still take."""
    watchdog_s: Seconds = 60.0
    """When nothing was finished for so long, the log says what each worker waits for."""
    strict: bool = False
    """End with exit code 3 when the run is complete but a page failed, or one has an entry in
    ``field_errors``."""


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How lists of URLs are read."""

    format: Literal["auto", "text", "csv", "tsv", "jsonl", "parquet"] = "auto"
    """The form of the lists; ``auto`` goes by the file's name, standard input is then text."""
    column: str = "url"
    """The column (CSV, TSV, Parquet) or field (JSON Lines) that holds the URL."""


class FrontierSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the list is looked at at once; the rest waits on disk."""

    hosts_in_memory: Positive = 1024
    """How many hosts take part at the same time."""
    urls_per_host_in_memory: Positive = 16
    """How many URLs of a host are held ready."""
    lookahead: Positive = 1_000_000
    """A list in a file is read on only while fewer URLs than this are unfinished. A piped list is
    read as fast as the disk takes it, since it can't be read again."""


class HostLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of the hosts that a pattern names; what is left out is as for all hosts."""

    per_host: Positive | None = None
    delay_s: SecondsOrZero | None = None


HostTable = Annotated[
    dict[str, HostLimits],
    Meta(
        extra={"holds": Holds.HOST_LIMITS},
        examples=[{"*.example.com": {"per_host": 1, "delay_s": 5.0}}],
    ),
]


class PolitenessSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a single host is treated."""

    per_host: Positive = 2
    """How many requests may be under way at one host at the same time."""
    delay_s: SecondsOrZero = 0.5
    """The least time between the starts of two requests to one host."""
    hosts: HostTable = {}
    """Limits of their own for hosts that match a pattern, such as ``*.example.com``. Of several
    patterns that match, the longest counts."""
    adaptive: bool = True
    """Ask a host less often while it answers slower than before, or with 429 or 503."""
    max_delay_s: SecondsOrZero = 60.0
    """No delay is adapted beyond this."""
    retry_after_cap_s: SecondsOrZero = 120.0
    """How long a host is left alone at the most when it asks for it (``Retry-After``, ``RateLimit``)."""
    circuit_failures: NotNegative = 8
    """After so many requests in a row that brought no answer a host is only probed; 0 means never."""
    circuit_probes: Positive = 3
    """After so many probes in vain the rest of the host's URLs are given up."""
    circuit_pause_s: SecondsOrZero = 5.0
    """The time before the first probe; each further one waits twice as long."""


class RobotsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How robots.txt is read (RFC 9309)."""

    policy: Literal["obey", "ignore"] = "obey"
    """Whether robots.txt is asked for and obeyed."""
    token: Annotated[
        str, Meta(pattern=r"^[A-Za-z_-]*$", description="letters, hyphens and underscores, or nothing")
    ] = ""
    """The name that robots.txt may call us by; empty takes what the user agent begins with."""
    forbidden: Literal["allow", "deny"] = "allow"
    """What it means when robots.txt itself is answered with 401 or 403; the RFC says ``allow``."""
    crawl_delay_cap_s: SecondsOrZero = 60.0
    """A longer ``Crawl-delay`` counts as this."""
    max_age_s: Annotated[float, Meta(gt=0, le=86_400)] = 86_400.0
    """How long a robots.txt is believed."""
    error_age_s: SecondsOrZero = 600.0
    """How long it is believed that a robots.txt can't be had."""
    cache: str = ""
    """A file that keeps what was read for further runs, which make of it what their own settings say;
    empty keeps it for this run alone. It is made when there is none, and used for nothing else."""


class FollowSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which links are followed."""

    depth: NotNegative = 0
    """How many links away from the list; 0 follows none."""
    same_site: bool = False
    """Only links to the registrable domain (``example.co.uk``) of the page that has them."""
    include: UrlPattern = ""
    """A regular expression: only URLs that it is found in. The lines of the list are then only held
    to it when no links are followed."""
    exclude: UrlPattern = ""
    """A regular expression: no URL that it is found in, not from the list either."""
    honour_nofollow: bool = False
    """Leave out links that are marked ``nofollow``, by themselves or by their page."""
    max_urls_per_host: Positive = 100_000
    """How many links to one host are taken at the most, and how many of its sitemaps that other sitemaps
    name; of its URLs that sitemaps list ten times as many."""
    max_path_repeats: Positive = 3
    """A URL with a part of its path more often than this is a trap and left out."""
    meta_refresh: bool = False
    """Follow a page that sends its readers on (``<meta http-equiv=refresh>``, ``Refresh``)."""
    meta_refresh_within_s: SecondsOrZero = 10.0
    """Not if it does so later than this."""


class FetchSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request and its answer."""

    user_agent: Annotated[
        str,
        Meta(
            min_length=1,
            pattern=r"^[\x20-\x7e]+$",
            description="printable ASCII, at least one character",
        ),
    ] = "scraper/0.1 (page metadata collector)"
    """What we call ourselves; say how to reach you when you crawl other people's hosts."""
    headers: Headers = {}
    """Headers of your own. Harmless ones, such as ``Accept-Language``, go with every request. All others
    may be credentials: they go only to the origins (scheme, host and port) that the list names, not
    where redirects, links or sitemaps lead elsewhere, not with robots.txt, and not over http when the line
    has no scheme."""
    dns_s: Seconds = 10.0
    """How long looking up a host's address may take."""
    connect_s: Seconds = 10.0
    """How long one connection may take to come about, TLS included."""
    patience_s: Seconds = 5.0
    """A host is waited for aside (see ``run.waiting_visits``) when it brings nothing, or next to nothing, for
    four times as long as answers usually take to begin, a quarter of a second at the least, and this at the
    most."""
    read_s: Seconds = 15.0
    """How long a server may be silent."""
    total_s: Seconds = 60.0
    """How long one request may take from its start to the last byte of the answer."""
    max_wire_bytes: Positive = 10 * 1024 * 1024
    """The most bytes of a body that are read from the network, and so the most of one that is not
    compressed."""
    max_body_bytes: Positive = 20 * 1024 * 1024
    """The most bytes that a body may have after decompression. Set to more than ``fetch.max_wire_bytes``, it
    raises that too, unless that is set as well."""
    max_ratio: Positive = 200
    """The most bytes after decompression for each byte read. It holds from 1 MiB on: small pages of one
    repeated row compress far better, honest large ones were seen to reach 122."""
    max_redirects: NotNegative = 10
    """How many redirects are followed for one line."""
    refuse_downgrade: bool = False
    """Follow no redirect from https to http."""
    insecure: bool = False
    """Take TLS certificates that do not verify."""
    proxy: ProxyUrl = ""
    """The proxy that every request goes through: ``http://host:port`` or ``https://host:port``, with
    ``user:password@`` before the host where it wants that; empty asks the hosts directly. Whoever lists the
    machine's processes sees a password on a command line: set it by the environment or in a file.
    ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY`` are not read."""
    private: Literal["listed", "deny", "allow"] = "listed"
    """Whether addresses that are not public (loopback, private networks, link-local, metadata services
    and the like) are asked: ``listed`` only those of hosts that the list itself names, ``deny`` none,
    ``allow`` all. Redirects, links, sitemaps and robots.txt add no host to the list."""


class RetrySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to an attempt that failed in a way that may pass."""

    retries: Annotated[int, Meta(ge=0, le=100)] = 2
    """How many more times a line is tried."""
    base_s: SecondsOrZero = 1.0
    """The first wait is a random time up to this; each further one up to twice the one before."""
    cap_s: SecondsOrZero = 60.0
    """No wait is drawn from more than this."""
    budget_share: Annotated[float, Meta(ge=0, le=1)] = 0.2
    """Over the whole run, no more of the requests than this share are further tries,"""
    budget_floor: NotNegative = 100
    """beyond this many: so an outage does not multiply the load."""


class FieldRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a field of the user's own stands in a page, and what it is to become."""

    css: str = ""
    """A CSS selector, with ``::text`` (as without) or ``::attr(NAME)`` at its end;"""
    xpath: str = ""
    """or an XPath 1.0 expression: one of the two."""
    many: bool = False
    """All values as a list, in place of the first one."""
    type: Literal["str", "int", "float", "date", "url", "json"] = "str"
    """What a value becomes."""
    required: bool = False
    """A page without it has an entry in ``field_errors``."""
    default: Any = None
    """The value on a page that has none, of the same type; a list of such with ``many``."""
    pattern: RegularExpression = ""
    """A regular expression: only texts that it is found in count, and what its first group, or without one
    all of it, matches is the value."""


FieldRules = Annotated[
    dict[str, FieldRule],
    Meta(
        extra={"holds": Holds.FIELD_RULES},
        examples=[{"price": {"css": "span.price::text", "type": "float", "required": True}}],
    ),
]


class ParseSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a page becomes metadata."""

    parser: Literal["fast", "beautifulsoup"] = "fast"
    """The HTML parser. Both give the same record of a well-formed page; broken markup may become two trees.
    The second is many times slower."""
    links: bool = False
    """Also list all links of a page, with their texts (``link_list``)."""
    text: Literal["none", "visible", "main", "markdown"] = "none"
    """Also keep the page's text: all that is ``visible``, a line for each block, or only what it is about,
    ``main`` as plain text or as ``markdown``; these two need the packages trafilatura and htmldate, and take
    their time. What a page is about is trafilatura's judgement, and it may lose parts."""
    language: bool = False
    """Also guess the language of the text, whatever the page says; needs the package py3langid."""
    guess_dates: bool = False
    """Where a page states no date, guess when it was published from its markup and its text
    (``published_guess``); needs the packages trafilatura and htmldate. It may well be another day that the
    text mentions."""
    deadline_s: Seconds = 30.0
    """How much processor time the parsing of a page may take in a child process (``run.processes``), which
    is replaced then; and how long ``parse.extractor`` may take for a page."""
    select: FieldRules = {}
    """Fields of your own: ``NAME=CSS`` for the first value, ``NAME[]=CSS`` for all; ``NAME:TYPE=CSS`` with
    str, int, float, date, url or json. ``::attr(href)`` at the end takes an attribute in place of the text,
    ``NAME=xpath:EXPRESSION`` is XPath."""
    extractor: Annotated[
        str,
        Meta(
            pattern=r"^(?:[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*)?$",
            description="package.module:function, or nothing",
        ),
    ] = ""
    """A Python function of yours, from the working directory or an installed package: it is given each page
    that was read and returns a dictionary of further fields."""


class OutputSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How records are written."""

    ordered: bool = False
    """Write the records in the order of the list. They are then kept in a journal until the run is complete,
    also for JSON Lines."""
    batch_records: Positive = 256
    """A batch is written when it has so many records,"""
    batch_bytes: Positive = 1024 * 1024
    """or so many bytes,"""
    batch_s: Seconds = 0.25
    """or so long after its first record. What was not yet written is fetched again after a crash."""
    warc_bytes: Positive = 1_000_000_000
    """A file of an archive (``.warc.gz``) becomes no longer than this, unless a single page is; the next one
    has a number in its name: ``pages-00001.warc.gz``."""


class HistorySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of each page from run to run."""

    file: str = ""
    """A file that keeps what is known of each page for further runs over the same list: pages that have not
    changed are then not sent again by servers that can tell, and each record has ``change``. It is made when
    there is none; empty keeps nothing. A list has a file of its own: by another list's all of its
    pages would seem to be gone."""
    changes: str = ""
    """Where a complete run writes what has changed, one JSON object a page; empty writes it beside the
    output: ``pages.changes.jsonl`` for ``pages.jsonl``."""
    compare: str = ""
    """The fields that make a change, with commas between; with + or - before the first, added to the usual
    ones or taken from them: ``-text_sha256,-word_count``, ``fields.price``."""
    gone_after: Positive = 2
    """After so many runs in a row in which a page was missing (404, 410, or no line or link leads to it any
    more) it is gone."""
    forget_after: Positive = 100
    """A page that nothing leads to any more is forgotten after so many runs."""
    adaptive: bool = False
    """Ask for a page more rarely that does not change: its interval is halved by a change and grows by half
    without one. A page that is not due has its record all the same, carried over."""
    interval_s: Seconds = 86_400.0
    """The interval that a page begins with."""
    shortest_s: Seconds = 3_600.0
    """No interval becomes shorter,"""
    longest_s: Seconds = 1_209_600.0
    """and none longer."""


class ClusterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run in several processes that share nothing but a folder, on this machine or on several."""

    shards: Annotated[int, Meta(ge=0, le=4096)] = 0
    """Into how many parts the list is split, by site; each is a run of its own. 0 leaves it whole."""
    engine: Literal["local", "dask"] = "local"
    """Where the parts run: in processes of this machine, or on the workers of a Dask cluster."""
    scheduler: str = ""
    """The address of the cluster's scheduler: ``tcp://host:8786``. It is trusted: it runs what it is given,
    and is told all settings. Empty starts a cluster of its own on this machine."""
    workers: Annotated[int, Meta(ge=0, le=1024)] = 0
    """How many parts run at the same time on this machine; 0 means as many as it has processors. A cluster's
    own workers decide by themselves."""
    lease_s: Annotated[float, Meta(ge=1)] = 30.0
    """How long a part is left to a worker that is not heard of. One that can't say that it lives stops asking
    before that; another goes on with its part after it."""
    checkpoint_s: Seconds = 30.0
    """With a storage that is no folder (``-o s3://bucket/pages/``): every so many seconds a worker puts there
    what others may go on from. What was fetched since then is fetched again when it dies."""
    scratch: str = ""
    """The folder in which a worker keeps its part meanwhile, on a disk of its machine; empty means that for
    temporary files."""
    attempts: Positive = 5
    """How often a part is begun again without having come any further."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings; each section belongs to one stage."""

    run: RunSettings = RunSettings()
    sources: SourceSettings = SourceSettings()
    frontier: FrontierSettings = FrontierSettings()
    politeness: PolitenessSettings = PolitenessSettings()
    robots: RobotsSettings = RobotsSettings()
    fetch: FetchSettings = FetchSettings()
    retry: RetrySettings = RetrySettings()
    follow: FollowSettings = FollowSettings()
    parse: ParseSettings = ParseSettings()
    output: OutputSettings = OutputSettings()
    history: HistorySettings = HistorySettings()
    cluster: ClusterSettings = ClusterSettings()
