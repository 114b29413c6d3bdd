"""An export as it was called for: read the source, make the candidate, show its parity, write it."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard

from dsf_common.documents import print_document
from dsf_common.errors import UserError
from dsf_common.progress import Progress
from dsf_export.agreement_plot import plot_agreement
from dsf_export.command_export import DEFAULT_DECISIONS, DEFAULT_PASSES
from dsf_export.export_document import network_document, program_document
from dsf_export.export_text import network_text, program_text
from dsf_export.mixings.registry import lowering_of
from dsf_export.mixings.scored_attention import ScoreLowering
from dsf_export.network_export import NETWORK_STAGES, Network, has_program, write_network
from dsf_export.optimise.lean_candidate import Lean, make_lean
from dsf_export.optimise.passes import PassChoice, find_choice
from dsf_export.optimise.record_silence import EPISODES
from dsf_export.parity import Parity
from dsf_export.pipeline import (
    MODEL_STAGES,
    PROGRAM_STAGES,
    Candidate,
    from_policy,
    from_program,
    own_format,
    provenance_of,
)
from dsf_export.program_file import files_of, write_program
from dsf_export.source_file import source_file
from dsf_export.sources.content import content_of
from dsf_export.sources.import_of_call import carry_out_import
from dsf_export.stages import OnDecision
from dsf_export.targets import NETX, NIR, ONNX, TARGETS, Target, find_target
from dsf_models.checkpoint import PolicyModel, load_model_file
from neuro_runtime.episodes.rollout import nothing
from neuro_runtime.program import Program
from neuro_runtime.program.chip import Chip, find_chip
from neuro_runtime.program.limits import FEWEST_WEIGHT_BITS, WEIGHT_BITS
from neuro_runtime.program.nodes import GradedRelu
from neuro_runtime.program.weight_format import WeightFormat

NETWORK = "policy"  # the stem of the files of a model without a program


def carry_out(arguments: argparse.Namespace) -> None:
    """Do what ``dsf-export`` was asked for.

    Raises
    ------
    UserError
        An argument or the source is not usable.
    GateFailed
        A stage does not match the one before.
    """
    target = find_target(arguments.target)
    if arguments.decisions < 1:
        raise UserError(f"--decisions must be at least 1, got {arguments.decisions}")
    if arguments.reader is not None and target.name != NIR:
        raise UserError(f"--for names a reader of NIR files, and the target is {target.name}: give --target {NIR}")
    source = source_file(arguments.source)
    if arguments.output is not None:
        _require_fitting(arguments.output, source, target)  # before anything is read, which may take long
    choice = find_choice(arguments.passes)
    if arguments.resets:
        _require_resettable(choice, arguments.chip)
    kind = content_of(source)
    if kind in ("nir", "netx"):
        output = _output(arguments.output, source, target, _stem_for(arguments.reader))
        carry_out_import(arguments, source, kind, target, output)
        return
    if arguments.overrides:
        raise UserError(f"{arguments.overrides[0]} is for a network of another framework, and {source} is none")
    if target.name == NETX:
        from dsf_export.targets.netx import POLICY_REFUSED

        raise UserError(POLICY_REFUSED)
    content = _load(source)
    if _is_network(content, target):
        _export_network(arguments, source, content, target)
        return
    formats = _formats(arguments.bits, arguments.exponents, arguments.chip, content)
    _refuse_graded(content, formats, choice, target)
    asked = _Asked(arguments, source, content, target, choice, formats)
    if arguments.reader is None:
        _export_program(asked)
    else:
        _export_for_reader(asked)


def export(
    model: str | Path, target: str = "lava", output: str | Path | None = None, decisions: int = DEFAULT_DECISIONS
) -> Path:
    """Fold, lower and quantise a policy, compare every stage with the model, and write the program.

    Parameters
    ----------
    model
        A model.pt, the folder of a run, or a program.
    target
        The format.
    output
        The file; by default ``program`` with the target's suffix, beside the model.
    decisions
        Decisions of the policy in its environment to compare the stages on.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    UserError
        An argument or the model is not usable.
    GateFailed
        A stage does not match the one before; nothing is written.
    """
    chosen, source = find_target(target), source_file(Path(model))
    content = _load(source)
    given = None if output is None else Path(output)
    if _is_network(content, chosen):
        written = _output(given, source, chosen, NETWORK)
        write_network(Network(content, provenance_of(source, content), chosen, written), decisions)
        return written
    written = _output(given, source, chosen)
    full = _candidate(source, content, decisions, nothing, _formats(None, None, None, content))
    write_program(make_lean(full, PassChoice.safe).candidate, chosen, written)
    return written


def _is_network(content: PolicyModel | Program, target: Target) -> TypeGuard[PolicyModel]:
    """Whether it has no program and goes to ONNX, which can hold it nevertheless."""
    return target.name == ONNX and isinstance(content, PolicyModel) and not has_program(content.model.config)


def _export_network(arguments: argparse.Namespace, source: Path, policy: PolicyModel, target: Target) -> None:
    of_programs = (arguments.bits, arguments.exponents, arguments.chip, arguments.resets, arguments.passes)
    if of_programs != (None, None, None, False, DEFAULT_PASSES):
        raise UserError(
            "this model has no integer program, so --bits, --exponents, --chip, --resets and --passes do not apply: "
            "leave them out"
        )
    output = _output(arguments.output, source, target, NETWORK)
    network = Network(policy, provenance_of(source, policy), target, output)
    with Progress(NETWORK_STAGES * arguments.decisions, "parity", "decision") as bar:

        def show(parity: Parity) -> None:
            bar.close()
            if arguments.json:
                print_document(network_document(network, parity))
            else:
                print(network_text(network, parity))

        write_network(network, arguments.decisions, bar.update, show)
    if not arguments.json:
        print("\n" + "\n".join(f"wrote {file}" for file in network.files))


@dataclass(frozen=True, eq=False)
class _Asked:
    """A policy or a program that is to become one for a target.

    Attributes
    ----------
    choice, formats
        The passes, and the weight formats, the first of which is written; a program has none.
    """

    arguments: argparse.Namespace
    source: Path
    content: PolicyModel | Program
    target: Target
    choice: PassChoice
    formats: tuple[WeightFormat, ...]

    def made_lean(self, on_decision: OnDecision) -> Lean:
        """The candidate after its passes."""
        full = _candidate(self.source, self.content, self.arguments.decisions, on_decision, self.formats)
        return _made_lean(full, self.choice, self.arguments.resets)

    def output(self, stem: str = "program") -> Path:
        """The file that is written."""
        return _output(self.arguments.output, self.source, self.target, stem)


def _export_program(asked: _Asked) -> None:
    """Write the program in the target's form, whose stages are compared up to the file read back."""
    arguments, target, output = asked.arguments, asked.target, asked.output()
    stages = PROGRAM_STAGES if isinstance(asked.content, Program) else MODEL_STAGES + len(asked.formats) - 1
    if target.name == ONNX:
        stages += 1 if isinstance(asked.content, Program) else 2
    with Progress(stages * arguments.decisions, "parity", "decision") as bar:
        lean = asked.made_lean(bar.update)
        plot = _plot(lean.candidate, output)

        def show(parity: Parity) -> None:
            bar.close()
            if arguments.json:
                print_document(program_document(lean, parity, target, output, plot))
            else:
                print(program_text(lean, parity))

        write_program(lean.candidate, target, output, bar.update, show)
    if not arguments.json:
        written = files_of(lean.candidate, target, output) + ([plot] if plot else [])
        print("\n" + "\n".join(f"wrote {file}" for file in written))


def _export_for_reader(asked: _Asked) -> None:
    """Write the program as another framework reads it; its stages are compared up to the program itself."""
    arguments = asked.arguments
    from dsf_export.targets.nir_readers import find_reader, write_for  # needs the `export` extra

    reader = find_reader(arguments.reader)
    output = asked.output(f"program-{reader.name}")
    stages = 1 if isinstance(asked.content, Program) else MODEL_STAGES - 1 + len(asked.formats) - 1
    with Progress(stages * arguments.decisions, "parity", "decision") as bar:
        lean = asked.made_lean(bar.update)
    parity = Parity(lean.candidate.recording, lean.candidate.rows)
    parity.require()
    write_for(lean.candidate.program, reader, output)
    if arguments.json:
        print_document(program_document(lean, parity, asked.target, output))
    else:
        print(f"{program_text(lean, parity)}\n\nwrote {output} for {reader.name}")


def _refuse_graded(
    content: PolicyModel | Program, formats: tuple[WeightFormat, ...], choice: PassChoice, target: Target
) -> None:
    """Refuse what sends numbers as spikes, for a target that has none, before anything is compared."""
    if target.name not in (NIR, ONNX):
        return
    if isinstance(content, Program):
        for node in (node for node in content.nodes if isinstance(node, GradedRelu)):
            raise UserError(
                f"{node.name} sends graded spikes, which --target {target.name} does not hold: pass its model.pt with "
                "--chip portable"
            )
        return
    makes_graded = choice is not PassChoice.none and any(each.chip.has_graded_spikes for each in formats)
    config = content.model.config
    if makes_graded and config.kind.has_token_mixing and isinstance(lowering_of(config.mixing), ScoreLowering):
        raise UserError(
            f"--chip {Chip.loihi2} makes the scores of {config.mixing} graded spikes, which --target {target.name} "
            "does not hold: give --chip portable"
        )


def _stem_for(reader: str | None) -> str:
    """The name of a network's file without its ending; one for a reader has the reader's name."""
    if reader is None:
        return "program"
    from dsf_export.targets.nir_readers import find_reader  # needs the `export` extra

    return f"program-{find_reader(reader).name}"


def _output(given: Path | None, source: Path, target: Target, stem: str = "program") -> Path:
    output = given or source.with_name(f"{stem}{target.suffix}")
    _require_fitting(output, source, target)
    return output


def _require_fitting(output: Path, source: Path, target: Target) -> None:
    """Refuse an output of another suffix than the target's, or that is the source itself."""
    if not output.name.endswith(target.suffix):
        raise UserError(f"--output {output} must end in {target.suffix}, as files of the {target.name} target do")
    if os.path.realpath(output) == os.path.realpath(source):
        raise UserError(f"the output would replace its own source {source}: choose another --output")


def _require_resettable(choice: PassChoice, chip: str | None) -> None:
    """Refuse ``--resets`` where no pass would use it, and for chips that have none."""
    if choice is PassChoice.none:
        raise UserError("--resets is for passes, and --passes none leaves all of them out: give one of the two")
    if chip is not None and find_chip(chip).is_portable:
        raise UserError(f"--chip {chip} has no resets: give --chip {Chip.lava} or {Chip.loihi2}, or leave --resets out")


def _load(source: Path) -> PolicyModel | Program:
    """The program in ``source`` if its name says that it holds one, and the trained policy otherwise."""
    for target in TARGETS.values():
        if source.name.endswith(target.suffix):
            return target.read(source)
    return load_model_file(source)


def _formats(
    bits: str | None, exponents: int | None, chip: str | None, content: PolicyModel | Program
) -> tuple[WeightFormat, ...]:
    """The weight formats asked for, in their order; where nothing is said, the model's own. A program has none."""
    if isinstance(content, Program):
        if (bits, exponents, chip) != (None, None, None):
            raise UserError(
                "a program's weights are rounded already: pass its model.pt for other --bits, --exponents or --chip"
            )
        return ()
    own = own_format(content)
    widths = [own.bits] if bits is None else _widths(bits)
    some = replace(
        own,
        exponents=own.exponents if exponents is None else exponents,
        chip=own.chip if chip is None else find_chip(chip),
    )
    return tuple(replace(some, bits=width) for width in widths)


def _widths(bits: str) -> list[int]:
    """``8`` is 8; ``8,6,4`` these; ``8-5`` is 8, 7, 6, 5."""
    first, dash, last = bits.partition("-")
    try:
        named = [int(width) for width in ((first, last) if dash else bits.split(","))]
    except ValueError:
        named = []
    if not named or not all(FEWEST_WEIGHT_BITS <= width <= WEIGHT_BITS for width in named):
        raise UserError(
            f"--bits {bits} is neither a number from {FEWEST_WEIGHT_BITS} to {WEIGHT_BITS} "
            "nor several, such as 8,6,4 or 8-2"
        )
    if dash:
        direction = 1 if named[0] <= named[1] else -1
        return list(range(named[0], named[1] + direction, direction))
    if len(set(named)) < len(named):
        raise UserError(f"--bits {bits} names a number twice")
    return named


def _candidate(
    source: Path,
    content: PolicyModel | Program,
    decisions: int,
    on_decision: OnDecision,
    formats: tuple[WeightFormat, ...],
) -> Candidate:
    if isinstance(content, Program):
        return from_program(content, decisions, on_decision)
    return from_policy(content, provenance_of(source, content), decisions, on_decision, formats)


def _made_lean(candidate: Candidate, choice: PassChoice, may_reset: bool) -> Lean:
    """The candidate after its passes; recorded ones take episodes, whose progress shows."""
    if choice is not PassChoice.all:
        return make_lean(candidate, choice, may_reset=may_reset)
    with Progress(2 * EPISODES, "recording", "episode") as bar:
        return make_lean(candidate, choice, on_episode=bar.update, may_reset=may_reset)


def _plot(candidate: Candidate, output: Path) -> Path | None:
    """The plot of several formats, written beside the program; None for a single one."""
    if len(candidate.formats) < 2:
        return None
    path = output.with_name(f"{output.name.split('.')[0]}-bits.svg")
    plot_agreement(candidate.formats, path)
    return path
