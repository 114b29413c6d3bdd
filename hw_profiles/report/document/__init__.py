"""The content of a report, as a tree of plain values.

``report.json`` is this tree, and the page shows nothing else. Energies are in pJ and times in µs throughout; both are
those of an average decision.
"""
