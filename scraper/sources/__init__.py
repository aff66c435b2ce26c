"""Where lists of URLs come from: files, standard input, the command line.

A source is read by a plain generator that blocks; ``stream`` brings it to the event loop.
"""
