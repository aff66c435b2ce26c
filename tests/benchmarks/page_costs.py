"""What a page costs a run: processor time, bytes on the wire, bytes of its record.

    python -m tests.benchmarks.page_costs [--scale 0.2] [--kinds real docs tiny]

nginx serves the pages of ``corpus``, as in ``beside_peers``, without compression; what gzip would make of
them is reckoned. The record is measured as it is written and as ``.jsonl.gz`` would have it. What the
state takes is measured by ``million.py``, on lists long enough for it to matter.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.benchmarks.contenders import checked, chosen
from tests.benchmarks.corpus import KINDS, hosts, laid_out
from tests.benchmarks.measuring import run
from tests.benchmarks.web_server import web_server
from tests.support.processes import write_list

say = functools.partial(print, flush=True)  # the table is the program's output
_PROGRAMS: Final = "ours,ours-links,ours-2"
_LEVEL: Final = 6
"""What web servers pack with when nobody says otherwise is between 1 and 6."""


def packed_bytes(path: Path) -> int:
    """Return what gzip makes of a file, read in parts."""
    size = 0
    with path.open("rb") as file:
        for part in iter(lambda: file.read(4 << 20), b""):
            size += len(gzip.compress(part, _LEVEL))
    return size


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=0.2)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    say(
        "| pages | program | lines | body, bytes | gzipped | record, bytes | gzipped | CPU ms | pages/s |\n"
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    with tempfile.TemporaryDirectory(prefix="page-costs-") as temporary:
        folder = Path(temporary)
        (folder / "www").mkdir()
        most = max(KINDS[kind].hosts for kind in options.kinds)
        with web_server(folder, addresses=hosts(most)) as port:
            for name in options.kinds:
                corpus = laid_out(KINDS[name], folder / "www")
                if corpus is None:
                    say(KINDS[name].remedy)
                    continue
                urls = corpus.urls(port, scale=options.scale)
                listed = write_list(folder / "urls.txt", urls)
                files = [folder / "www" / path[1:] for path in corpus.paths]
                page_packed = sum(map(packed_bytes, files)) / len(files)
                for program in chosen(_PROGRAMS):
                    output = folder / "out.jsonl"
                    took = run(program.words(listed, output))
                    checked(output, urls)
                    say(
                        f"| {name} | {program.label} | {len(urls):,} | {corpus.mean_bytes:,.0f} "
                        f"| {page_packed:,.0f} | {output.stat().st_size / len(urls):,.0f} "
                        f"| {packed_bytes(output) / len(urls):,.0f} "
                        f"| {took.processor_s / len(urls) * 1000:.2f} | {len(urls) / took.elapsed_s:.0f} |"
                    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
