"""The backends' names, known without opening any."""

from __future__ import annotations

from importlib.metadata import entry_points

GROUP = "decision_spikeformer.backends"
LAVAS = "loihi-sim"  # the default where Lava is installed


def backend_names() -> list[str]:
    """Names a ``--backend`` option takes."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})
