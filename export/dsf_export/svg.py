"""Plots as SVG files that are the same bytes for the same figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dsf_common.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_svg(figure: Figure, path: Path) -> None:
    """Write ``figure``, its text as text, without a date and with identifiers that do not change."""
    import matplotlib

    with (
        matplotlib.rc_context({"svg.hashsalt": "decision-spikeformer", "svg.fonttype": "none"}),
        atomic_write(path) as temporary,
    ):
        figure.savefig(temporary, format="svg", metadata={"Date": None})
