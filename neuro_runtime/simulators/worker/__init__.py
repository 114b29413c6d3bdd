"""Emulators that need a Python of their own run in a worker process, and a session talks to it.

`session` and `process` run here. `wire`, `serving` and `served_program` are also imported, as top-level modules, by the
scripts that the emulator's Python runs.
"""
