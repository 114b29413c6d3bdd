"""Lava, kept in a worker process of its own Python: `session` talks to it, `worker` and its modules run there.

Lava needs Python 3.10 and NumPy 1, changes how multiprocessing starts processes when it is imported, and can hang
without a word, so nothing here but the worker's own modules imports it.
"""
