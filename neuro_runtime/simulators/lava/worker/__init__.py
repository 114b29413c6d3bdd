"""The Lava worker: scripts that Lava's own Python 3.10 runs, so they import one another as top-level modules.

They import those of `neuro_runtime.simulators.worker` likewise. Lava looks for process models in every file beside a
process, so only what belongs to this worker may stand in this folder.
"""
