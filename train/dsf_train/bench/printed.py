"""The scores that the Decision SpikeFormer paper prints for D4RL's data (CVPR 2025, tables 1 and 2)."""

from __future__ import annotations

_TASKS = {  # by environment: Decision Transformer, DSFormer with TSSA, with PSSA
    "halfcheetah-m-e": (86.8, 91.3, 91.5),
    "walker2d-m-e": (108.1, 108.6, 108.9),
    "hopper-m-e": (107.6, 111.0, 110.9),
    "halfcheetah-m": (42.6, 42.5, 42.8),
    "walker2d-m": (74.0, 72.4, 75.2),
    "hopper-m": (67.6, 64.6, 74.1),
    "halfcheetah-m-r": (36.6, 38.7, 38.8),
    "walker2d-m-r": (66.6, 66.0, 71.0),
    "hopper-m-r": (82.7, 85.8, 96.3),
    "pen-e": (110.4, 104.6, 122.0),
    "door-e": (95.5, 105.0, 105.2),
    "hammer-e": (89.7, 126.4, 127.2),
    "relocate-e": (15.3, 106.3, 108.4),
    "pen-h": (-0.2, 89.7, 75.7),
    "door-h": (0.1, 0.4, 0.2),
    "hammer-h": (0.3, 0.4, 0.2),
    "relocate-h": (0.2, 0.0, 0.0),
    "pen-c": (22.7, 41.1, 44.8),
    "door-c": (0.1, 0.4, 0.0),
    "hammer-c": (0.3, 0.2, 0.2),
    "relocate-c": (-0.3, -0.2, -0.2),
}
_COLUMNS = ("decision-transformer", "tssa", "pssa")

ABOUT = (
    "*Printed* is what the paper gives for D4RL's own data, the best over checkpoints and return targets, of networks "
    "of its sizes; it is no measure of runs on other data or of another budget. Three of its columns are known here."
)


def printed_score(row: str, environment: str) -> float | None:
    """The paper's score of a row, by its name, in an environment; None where there is none."""
    scores = dict(zip(_COLUMNS, _TASKS.get(environment, ()), strict=False))
    return scores.get(row)
