"""How spike agreement falls with fewer bits: a plot of one line a layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dsf_common.errors import UserError
from dsf_export.layer_report import LayerReport, SpikeAgreement
from dsf_export.pipeline import Quantised
from dsf_export.svg import write_svg

WIDTH, HEIGHT = 11.0, 4.5  # inches
PANELS: tuple[tuple[str, Callable[[LayerReport], SpikeAgreement | None]], ...] = (
    ("each layer alone, given the float spikes", lambda layer: layer.alone),
    ("in the program", lambda layer: layer.in_program),
)


def plot_agreement(formats: Sequence[Quantised], path: Path) -> None:
    """Write an SVG with two panels, agreement alone and in the program, over the bits of a weight.

    Raises
    ------
    UserError
        Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as problem:
        raise UserError(
            "the plot of several --bits needs matplotlib: pip install 'decision-spikeformer[export]'"
        ) from problem
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    bits = [quantised.weight_format.bits for quantised in formats]
    for panel, (title, spikes) in zip(panels, PANELS, strict=True):
        for layer, row in _by_layer(formats).items():
            compared = [spikes(report) for report in row]
            shares = [100 * item.agreement for item in compared if item is not None]
            if shares:
                panel.plot(bits, shares, marker="o", markersize=3, linewidth=1, label=layer)
        panel.set_title(title)
        panel.set_xlabel("bits of a weight")
        panel.set_xticks(sorted(bits))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("spike agreement with float, %")
    lines, names = panels[1].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside right upper", fontsize="x-small")
    write_svg(figure, path)


def _by_layer(formats: Sequence[Quantised]) -> dict[str, list[LayerReport]]:
    names = [report.layer for report in formats[0].layers]
    return {name: [quantised.layers[index] for quantised in formats] for index, name in enumerate(names)}
