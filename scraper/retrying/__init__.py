"""Some records of a run asked for again, and the answers put in the place of the old ones.

What lies beside the output ``pages.jsonl`` meanwhile, by the order in which it comes and goes:

- ``pages.jsonl.retry.list``: what is asked for again. While it is there, the retry is unfinished.
- ``pages.jsonl.retry`` and ``.retry.state``: journal and state of an ordinary run over that list. The state
  goes when the run is complete, so that a journal without one is either whole or not begun.
- ``pages.jsonl.retry.merged``: the new output, there only when it is whole. From then on the three before are
  of no use, and go. Last of all it is renamed.

So whatever moment the process dies at, what is there tells what is still to be done. Nothing here needs an
event loop: the run itself is the caller's.
"""
