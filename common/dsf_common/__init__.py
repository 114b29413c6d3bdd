"""Tools that every package uses: errors, files, ``key=value`` options, suggestions, text tables, statistics, versions."""
