"""``dsf-export``: a trained policy becomes a program for a chip, each stage compared with the one before it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from export.parity import Parity, table
from export.pipeline import MODEL_STAGES, PROGRAM_STAGES, Candidate, from_model_file, from_program, with_read_back
from export.stages import OnDecision
from export.targets import TARGETS, Target, find_target
from hw_profiles.errors import UserError
from neuro_runtime.command_line import run_command
from neuro_runtime.files import atomic_write
from neuro_runtime.program import Program, program_hash
from neuro_runtime.program.headroom import headroom
from neuro_runtime.program.summary import summary

DEFAULT_DECISIONS = 100


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``dsf-export``."""
    return run_command(_main, "dsf-export", argv)


def _main(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    target = find_target(arguments.target)
    if arguments.decisions < 1:
        raise UserError(f"--decisions must be at least 1, got {arguments.decisions}")
    source = _source(arguments.source)
    output = _output(arguments.output, source, target)
    stored = _stored_program(source)
    stages = MODEL_STAGES if stored is None else PROGRAM_STAGES
    with tqdm(total=stages * arguments.decisions, desc="parity", unit=" decisions", leave=False, disable=None) as bar:
        candidate = _candidate(source, stored, arguments.decisions, bar.update)
        with atomic_write(output) as temporary:
            target.write(candidate.program, temporary)
            parity = with_read_back(candidate, target.read(temporary), f"{target.name} file, read back", bar.update)
            bar.close()
            document = _document(candidate.program, parity, target, output)
            print(json.dumps(document) if arguments.json else _text(candidate.program, parity))
            parity.require()
    if not arguments.json:
        print(f"\nwrote {output}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dsf-export",
        description="Fold, lower and quantise a trained policy to a program of integer spiking neurons, compare every "
        "stage with the model on recorded decisions, and write it; a stage that does not match is refused (status 1).",
    )
    parser.add_argument(
        "source", type=Path, metavar="MODEL", help="model.pt, the run folder with it, or a program (.nir, .dsf.h5)"
    )
    parser.add_argument("--target", required=True, metavar="NAME", help=f"format to write: {' or '.join(TARGETS)}")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default: program.dsf.h5 or program.nir beside the model"
    )
    parser.add_argument(
        "--decisions",
        type=int,
        default=DEFAULT_DECISIONS,
        metavar="N",
        help="decisions of the policy in its environment to compare the stages on (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def _source(path: Path) -> Path:
    source = path / "model.pt" if path.is_dir() else path
    if not source.is_file():
        raise UserError(f"there is no {source}: pass a model.pt, the folder of a run, or a program (.nir, .dsf.h5)")
    return source


def _output(given: Path | None, source: Path, target: Target) -> Path:
    output = given or source.with_name(f"program{target.suffix}")
    if not output.name.endswith(target.suffix):
        raise UserError(f"--output {output} must end in {target.suffix}, as files of the {target.name} target do")
    if output.resolve() == source.resolve():
        raise UserError(f"the output would replace its own source {source}: choose another --output")
    return output


def _stored_program(source: Path) -> Program | None:
    """The program in ``source``, if its name says that it holds one."""
    for target in TARGETS.values():
        if source.name.endswith(target.suffix):
            return target.read(source)
    return None


def _candidate(source: Path, stored: Program | None, decisions: int, on_decision: OnDecision) -> Candidate:
    if stored is None:
        return from_model_file(source, decisions, on_decision)
    return from_program(stored, decisions, on_decision)


def _text(program: Program, parity: Parity) -> str:
    rows = [f"  {row.node:<26}{row.current:>10}{row.voltage:>10}{row.bits:>8.1f}" for row in headroom(program)]
    return "\n".join(
        [
            f"program: {program.active_steps} active of {program.period} time steps a decision",
            "",
            summary(program),
            "",
            "headroom: largest |u| and |v| if every synapse of one sign is active at once, and bits left of 24",
            *rows,
            "",
            f"parity on {parity.recording.decisions} decisions, {parity.recording.origin}",
            table(parity),
        ]
    )


def _document(program: Program, parity: Parity, target: Target, output: Path) -> dict[str, Any]:
    return {
        "target": target.name,
        "output": str(output),
        "program": {
            "sha256": program_hash(program),
            "environment": program.environment,
            "active_steps": program.active_steps,
            "period": program.period,
            "provenance": dict(program.provenance),
        },
        "headroom": [{**asdict(row), "bits": row.bits} for row in headroom(program)],
        "parity": {
            "decisions": parity.recording.decisions,
            "origin": parity.recording.origin,
            "rows": [asdict(row) for row in parity.rows],
        },
    }
