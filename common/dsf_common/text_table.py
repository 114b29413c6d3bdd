"""Tables as text: columns of equal width, a header on top."""

from __future__ import annotations

from collections.abc import Sequence

NOTHING = "–"


def text_table(rows: Sequence[Sequence[str]], numbers: bool = True) -> str:
    """Rows of cells, the header first, in columns two spaces apart.

    Parameters
    ----------
    numbers
        Whether all columns but the first hold numbers, which are aligned to the right; words are to the left.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if numbers and column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def percent(share: float | None) -> str:
    """A share in percent, two digits; nothing where there is none."""
    return NOTHING if share is None else f"{share:.2%}".replace("%", " %")
