"""nengo-loihi's emulator of a Loihi 1, below nengo: `session` talks to its worker, whose scripts are in `worker`.

It was written with a chip beside it, and keeps limits that Lava's simulator lacks (`neuro_runtime.program.portable`).
It needs Python 3.10 and NumPy 1, so nothing here but the worker's own modules imports it.
"""
