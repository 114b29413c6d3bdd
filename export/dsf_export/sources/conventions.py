"""Conventions that a file does not say: its time step, how neurons reset and compare, and how they step.

Each is given by the user, follows from what the file holds, or is a preset of the framework that wrote it. Whichever it
was is reported; what is left open is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from dsf_common.errors import UserError
from dsf_common.suggestions import suggestion

Reset = Literal["zero", "subtract"]
Compare = Literal["gt", "ge"]


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
class Preset:
    """The conventions of one framework.

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
    at_rest
        v begins at v_reset; else at 0.
    """

    dt: float | None
    reset: Reset
    compare: Compare
    multispike: bool = False
    tau_unit: Literal["seconds", "steps"] = "seconds"
    late_subtract: bool = False
    late_zero: bool = False
    exponential: bool = False
    whole_current: bool = False
    whole_integral: bool = False
    decays_input: bool = False
    at_rest: bool = False
    why: str = ""


PRESETS: Mapping[str, Preset] = {
    "snntorch": Preset(
        1e-4,
        "subtract",
        "gt",
        late_subtract=True,
        late_zero=True,
        why="snnTorch writes for 0.1 ms, and resets by subtraction unless told",
    ),
    "norse": Preset(
        1e-6,
        "zero",
        "gt",
        whole_current=True,
        whole_integral=True,
        why="norse writes time constants 1,000 times too small for its step of 1 ms",
    ),
    "sinabs": Preset(
        1.0,
        "subtract",
        "ge",
        multispike=True,
        tau_unit="steps",
        exponential=True,
        why="sinabs counts time constants in steps",
    ),
    "spikingjelly": Preset(None, "zero", "ge", at_rest=True, why="SpikingJelly writes hard resets alone"),
    "rockpool": Preset(
        None, "subtract", "ge", multispike=True, exponential=True, decays_input=True, why="Rockpool's r tells its dt"
    ),
    "lava": Preset(None, "zero", "gt", why="Lava's LIF resets to 0 and fires above its threshold"),
}


@dataclass(frozen=True)
class Conventions:
    """All of it, decided.

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
    late_subtract: bool
    late_zero: bool
    exponential: bool
    whole_current: bool
    whole_integral: bool
    decays_input: bool
    at_rest: bool
    norm_input: bool | None = None
    framework: str | None = None
    origin: Mapping[str, str] = field(default_factory=dict)

    def described(self) -> list[str]:
        """One line a convention: its value and where it comes from."""
        return [f"{name} = {value} ({self.origin[name]})" for name, value in self._shown().items()]

    def _shown(self) -> dict[str, str]:
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name in self.origin}
        return {name: _word(value) for name, value in values.items()}


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
    steps = _one_of("tau_unit", options.tau_unit, ("seconds", "steps")) == "steps"
    given_dt = 1.0 if steps else options.dt
    is_told = None not in (given_dt, options.reset, options.compare)
    framework = options.framework or (None if is_told else found_framework)
    if framework is not None and framework not in PRESETS:
        raise UserError(
            f"from={framework} is no framework with known conventions: {suggestion(framework, list(PRESETS))}"
        )
    preset = PRESETS[framework] if framework else None
    source = (
        f"preset of {framework}" + ("" if options.framework else ", which the file's numbers tell") if framework else ""
    )
    origin: dict[str, str] = {}
    if framework:
        origin["framework"] = "given" if options.framework else "told by the file's numbers"
    elif found_framework:
        origin["framework"] = (
            f"not given; the file's numbers look like {found_framework}, whose preset from={found_framework} takes"
        )
    if options.norm_input is not None and framework != "sinabs":
        raise UserError("norm_input= is for networks that sinabs wrote: give from=sinabs with it, or leave it out")

    def pick(name: str, given: object, found: object, by_preset: object) -> object:
        for value, where in ((given, "given"), (found, "told by the file's numbers"), (by_preset, source)):
            if value is not None:
                origin[name] = where
                return value
        return None

    dt = pick("dt", given_dt, found_dt, preset.dt if preset else None)
    reset = pick("reset", _one_of("reset", options.reset, ("zero", "subtract")), None, preset.reset if preset else None)
    compare = pick(
        "compare", _one_of("compare", options.compare, ("gt", "ge")), None, preset.compare if preset else None
    )
    if steps and options.dt not in (None, 1.0):
        raise UserError("tau_unit=steps says dt=1; leave dt= out")
    open_ = [name for name, value in (("dt", dt), ("reset", reset), ("compare", compare)) if value is None]
    if open_ and has_neurons:
        hints = {"dt": "dt=SECONDS", "reset": "reset=zero|subtract", "compare": "compare=gt|ge"}
        raise UserError(
            f"the file does not say {' nor '.join(open_)}: give {', '.join(hints[name] for name in open_)}, or "
            f"from= with the framework that wrote it ({', '.join(PRESETS)})"
        )
    seconds = 1.0 if dt is None else float(dt)  # type: ignore[arg-type]
    if not 0 < seconds < float("inf"):
        raise UserError(f"dt={seconds} is not a positive number of seconds")
    multispike = (
        pick("multispike", options.multispike, None, preset.multispike if preset else False) if reset else False
    )
    plain = preset or Preset(None, "zero", "gt")
    if options.norm_input is not None:
        origin["norm_input"] = "given"
    return Conventions(
        dt=seconds,
        reset="subtract" if reset == "subtract" else "zero",
        compare="ge" if compare == "ge" else "gt",
        multispike=bool(multispike),
        late_subtract=plain.late_subtract,
        late_zero=plain.late_zero,
        exponential=plain.exponential,
        whole_current=plain.whole_current,
        whole_integral=plain.whole_integral,
        decays_input=plain.decays_input,
        at_rest=plain.at_rest,
        norm_input=options.norm_input,
        framework=framework,
        origin={name: where or "nothing else is known" for name, where in origin.items()},
    )


def _one_of(name: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise UserError(f"{name}={value}: {suggestion(value, list(allowed))}")
    return value
