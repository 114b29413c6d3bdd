"""The Lava worker: scripts that Lava's own Python 3.10 runs, so they import one another as top-level modules.

`wire` alone is also imported by the session. Lava looks for process models in every file beside a process, so only
what belongs to the worker may stand in this folder.
"""
