"""Tables as text: columns of equal width, a header on top."""

from __future__ import annotations

from collections.abc import Sequence

NOTHING = "–"


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells, the header first; the first column is aligned to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def percent(share: float | None) -> str:
    """A share in percent, two digits; nothing where there is none."""
    return NOTHING if share is None else f"{share:.2%}".replace("%", " %")
