"""The run itself as the document holds it: task, stages, raster, and what it cannot tell."""

from __future__ import annotations

from hw_profiles.quiet_attention import quiet_attention
from hw_profiles.raster_file import SpikeRaster
from hw_profiles.report.document.activity import Raster, RasterLayer
from hw_profiles.report.document.ranges import Interval
from hw_profiles.report.document.run import ReportedStage, ReportedStages, Task
from hw_profiles.report.saved_run import SavedRun
from hw_profiles.run_record import Mean, RunRecord


def task_of(record: RunRecord) -> Task:
    """The task, and how well it was done."""
    return Task(
        record.environment,
        record.provenance.get("policy", "unknown"),
        record.backend,
        tuple(episode.seed for episode in record.episodes),
        record.decisions,
        record.return_target,
        interval(record.score),
        interval(record.total_reward),
        record.samples,
    )


def stages_of(record: RunRecord) -> ReportedStages | None:
    """Scores through the conversion, None where they were not measured."""
    stages = record.stages
    if stages is None:
        return None
    return ReportedStages(
        tuple(ReportedStage(stage.name, stage.what, interval(stage.score)) for stage in stages.stages),
        None if stages.difference is None else interval(stages.difference),
        stages.note,
    )


def raster_of(raster: SpikeRaster) -> Raster:
    """The spikes as pairs of row and time step, the layers below one another."""
    layers, rows, steps, first = [], [], [], 0
    for name, spikes in raster.spikes.items():
        size = spikes.shape[1]
        layers.append(RasterLayer(name, is_attention(name), first, size))
        fired_at, neurons = spikes.nonzero()
        steps += fired_at.tolist()
        rows += (first + neurons).tolist()
        first += size
    return Raster(raster.seed, raster.decision, raster.time_steps, tuple(layers), tuple(rows), tuple(steps))


def notes_of(run: SavedRun) -> tuple[str, ...]:
    """Sentences on a silent attention, on each thing that this run cannot tell, and on each doubt about its data."""
    of_data = run.record.protocol.data_notes if run.record.protocol else ()
    quiet = quiet_attention(run.record.layers)
    return (*([] if quiet is None else [quiet]), *_missing(run), *(f"Training data: {note}." for note in of_data))


def _missing(run: SavedRun) -> tuple[str, ...]:
    if run.network is None:
        return (
            f"The run is of no program in Loihi's integers (backend {run.record.backend}), so there is no network to "
            "place on a chip: conventions price it, and there are neither ANN baselines nor a window layout.",
        )
    notes = []
    if run.record.context is None:
        notes.append("The program does not say how many tokens its context has, so there is no window layout.")
    silent = [layer.name for layer in run.record.layers if layer.firing_rate == 0]
    if silent:
        notes.append(f"Never fired in the whole run: {', '.join(silent)}.")
    return tuple(notes)


def is_attention(layer: str) -> bool:
    """Whether the layer of that name is a part of an attention."""
    return ".attention." in layer


def interval(mean: Mean) -> Interval:
    """The recorded mean as the document holds it."""
    return Interval(mean.mean, mean.low, mean.high)
