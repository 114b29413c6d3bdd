"""Conventions that a file does not say: its time step, how neurons reset and compare, and how they step.

Each is given by the user, follows from what the file holds, or is a preset of the framework that wrote it. Whichever it
was is reported; what is left open is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, TypeVar

from dsf_common.errors import UserError
from dsf_common.suggestions import suggestion

Reset = Literal["zero", "subtract"]
Compare = Literal["gt", "ge"]
TauUnit = Literal["seconds", "steps"]
RESETS: tuple[Reset, ...] = ("zero", "subtract")
COMPARISONS: tuple[Compare, ...] = ("gt", "ge")
TAU_UNITS: tuple[TauUnit, ...] = ("seconds", "steps")
HINTS = {"dt": "dt=SECONDS", "reset": "reset=zero|subtract", "compare": "compare=gt|ge"}  # of options, by convention

T = TypeVar("T")
Word = TypeVar("Word", bound=str)


@dataclass
class SourceOptions:
    """The ``key=value`` options of a source; None where nothing was said.

    Attributes
    ----------
    framework
        ``from=``: the framework that wrote the file.
    dt
        Seconds of a time step, in the unit of the file's time constants.
    reset
        ``zero``, or ``subtract``: the threshold is taken off.
    compare
        ``gt``: a neuron fires above its threshold; ``ge``: at it, too.
    multispike
        Whether a neuron may fire several spikes in a time step.
    tau_unit
        ``seconds``, or ``steps``: time constants are in time steps, so dt is 1.
    norm_input
        sinabs alone: whether its neurons scale their input by 1 − decay.
    input
        ``spikes``, or ``values``: numbers, whose first layers the host computes.
    terms
        8-bit connections that a weight may be the sum of.
    groups
        Nodes with scales of their own that a layer may become, by the room that its neurons have.
    calibration
        An .npz file of typical samples, by which scales are chosen.
    """

    framework: str | None = None
    dt: float | None = None
    reset: str | None = None
    compare: str | None = None
    multispike: bool | None = None
    tau_unit: str | None = None
    norm_input: bool | None = None
    input: str | None = None
    terms: int | None = None
    groups: int | None = None
    calibration: str | None = None


@dataclass(frozen=True)
class Stepping:
    """How a framework's neurons step where it departs from Euler's steps of what its files say.

    Attributes
    ----------
    late_subtract
        The threshold is taken off in the step after the spike, undecayed.
    late_zero
        Neurons with a synaptic current or that feed themselves are held at 0 for the whole step after a spike.
    exponential
        The share kept is exp(−dt/τ) and no 1 − dt/τ.
    whole_current
        What arrives is added to a synaptic current as it is, whatever w_in the file has.
    whole_integral
        An IF adds what arrives to v as it is, whatever r and dt are.
    decays_input
        What arrives decays by the same step as the current that it is added to, whatever r and w_in are.
    at_rest
        v begins at v_reset; else at 0.
    """

    late_subtract: bool = False
    late_zero: bool = False
    exponential: bool = False
    whole_current: bool = False
    whole_integral: bool = False
    decays_input: bool = False
    at_rest: bool = False


@dataclass(frozen=True)
class Preset:
    """The conventions of one framework; ``dt`` is None where its files tell it or it must be given."""

    dt: float | None
    reset: Reset
    compare: Compare
    multispike: bool = False
    stepping: Stepping = Stepping()


PRESETS: Mapping[str, Preset] = {
    # It writes for 0.1 ms, and resets by subtraction unless told.
    "snntorch": Preset(1e-4, "subtract", "gt", stepping=Stepping(late_subtract=True, late_zero=True)),
    # It writes time constants 1,000 times too small for its step of 1 ms.
    "norse": Preset(1e-6, "zero", "gt", stepping=Stepping(whole_current=True, whole_integral=True)),
    # It counts time constants in steps.
    "sinabs": Preset(1.0, "subtract", "ge", multispike=True, stepping=Stepping(exponential=True)),
    # It writes hard resets alone.
    "spikingjelly": Preset(None, "zero", "ge", stepping=Stepping(at_rest=True)),
    # Its r tells its dt.
    "rockpool": Preset(None, "subtract", "ge", multispike=True, stepping=Stepping(exponential=True, decays_input=True)),
    # Its LIF resets to 0 and fires above its threshold.
    "lava": Preset(None, "zero", "gt"),
}


@dataclass(frozen=True)
class Conventions:
    """The conventions by which a file is read, all of them decided.

    Attributes
    ----------
    dt
        In the unit of the file's time constants.
    origin
        Of each convention, where it comes from; what a report shows.
    """

    dt: float
    reset: Reset
    compare: Compare
    multispike: bool
    stepping: Stepping
    norm_input: bool | None = None
    framework: str | None = None
    origin: Mapping[str, str] = field(default_factory=dict)

    def described(self) -> dict[str, str]:
        """Each convention's value, and where it comes from in brackets, by name."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name in self.origin}
        return {name: f"{_word(value)} ({self.origin[name]})" for name, value in values.items()}


def _word(value: object) -> str:
    """A value as an option has it."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def decide(
    options: SourceOptions, found_framework: str | None, found_dt: float | None, has_neurons: bool
) -> Conventions:
    """The conventions by the options, what the file tells, and the framework's preset, in this order.

    A framework that the file's numbers look like gives its preset where a time step, reset or comparison is open; where
    all three are given it is named and nothing else.

    Raises
    ------
    UserError
        An option has no such value, or something is left open.
    """
    given_dt = _given_dt(options)
    is_told = None not in (given_dt, options.reset, options.compare)
    framework = options.framework or (None if is_told else found_framework)
    preset = None if framework is None else _preset_of(framework)
    if options.norm_input is not None and framework != "sinabs":
        raise UserError("norm_input= is for networks that sinabs wrote: give from=sinabs with it, or leave it out")
    choice = _Choice(_origin_of_preset(options.framework, framework))
    dt = choice.of("dt", given_dt, found_dt, preset.dt if preset else None)
    reset: Reset | None = choice.of(
        "reset", _one_of("reset", options.reset, RESETS), None, preset.reset if preset else None
    )
    compare: Compare | None = choice.of(
        "compare", _one_of("compare", options.compare, COMPARISONS), None, preset.compare if preset else None
    )
    if has_neurons:
        _require_none_open({"dt": dt, "reset": reset, "compare": compare})
    by_preset = preset.multispike if preset else False
    multispike = choice.of("multispike", options.multispike, None, by_preset) if reset else False
    if options.norm_input is not None:
        choice.origin["norm_input"] = "given"
    if (origin := _origin_of_framework(options.framework, framework, found_framework)) is not None:
        choice.origin["framework"] = origin
    return Conventions(
        dt=_positive(1.0 if dt is None else dt),
        reset=reset or "zero",
        compare=compare or "gt",
        multispike=bool(multispike),
        stepping=preset.stepping if preset else Stepping(),
        norm_input=options.norm_input,
        framework=framework,
        origin=choice.origin,
    )


class _Choice:
    """Takes the first value of a convention that there is, and remembers where it comes from."""

    def __init__(self, preset: str) -> None:
        self.origin: dict[str, str] = {}
        self._preset = preset

    def of(self, name: str, given: T | None, found: T | None, by_preset: T | None) -> T | None:
        """The value that is given, or that the file's numbers tell, or that a preset has; None where all are open."""
        for value, where in ((given, "given"), (found, "told by the file's numbers"), (by_preset, self._preset)):
            if value is not None:
                self.origin[name] = where
                return value
        return None


def _given_dt(options: SourceOptions) -> float | None:
    if _one_of("tau_unit", options.tau_unit, TAU_UNITS) != "steps":
        return options.dt
    if options.dt not in (None, 1.0):
        raise UserError("tau_unit=steps says dt=1; leave dt= out")
    return 1.0


def _preset_of(framework: str) -> Preset:
    if framework not in PRESETS:
        raise UserError(
            f"from={framework} is no framework with known conventions: {suggestion(framework, list(PRESETS))}"
        )
    return PRESETS[framework]


def _origin_of_preset(given: str | None, taken: str | None) -> str:
    if not taken:
        return "nothing else is known"
    return f"preset of {taken}" + ("" if given else ", which the file's numbers tell")


def _origin_of_framework(given: str | None, taken: str | None, found: str | None) -> str | None:
    """The origin of the framework's name, in words; None where there is no name."""
    if taken:
        return "given" if given else "told by the file's numbers"
    if found:
        return f"not given; the file's numbers look like {found}, whose preset from={found} takes"
    return None


def _require_none_open(values: Mapping[str, object]) -> None:
    open_ = [name for name, value in values.items() if value is None]
    if open_:
        raise UserError(
            f"the file does not say {' nor '.join(open_)}: give {', '.join(HINTS[name] for name in open_)}, or "
            f"from= with the framework that wrote it ({', '.join(PRESETS)})"
        )


def _positive(dt: float) -> float:
    if not 0 < dt < float("inf"):
        raise UserError(f"dt={dt} is not a positive number of seconds")
    return dt


def _one_of(name: str, value: str | None, allowed: tuple[Word, ...]) -> Word | None:
    if value is None:
        return None
    for word in allowed:
        if word == value:
            return word
    raise UserError(f"{name}={value}: {suggestion(value, list(allowed))}")
