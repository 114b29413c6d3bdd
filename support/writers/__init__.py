"""Small networks as users of other frameworks write them, each exported and run by the framework itself.

A module ``by_FRAMEWORK`` is imported in an environment of that framework alone; what comes out is kept as files
(`support.writers.golden`) that need none.
"""
