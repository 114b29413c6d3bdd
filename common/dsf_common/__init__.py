"""Shared by all packages: errors, files, ``key=value`` options, suggestions, text tables, statistics, versions."""
