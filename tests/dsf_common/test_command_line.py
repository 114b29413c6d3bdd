"""Flags, pairs, their help, and what completes them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dsf_common.option_meanings import options_of
from dsf_export.command_export import main as dsf_export
from dsf_train.bench.options import BenchOptions
from dsf_train.command_bench import main as dsf_bench
from dsf_train.command_data import main as dsf_data
from dsf_train.command_train import main as dsf_train
from dsf_train.configuration import TrainConfig
from hw_profiles.command_report import main as dsf_report
from neuro_runtime.command_run import main as dsf_run
from neuro_runtime.run_options import RunConfiguration

REPOSITORY = Path(__file__).resolve().parents[2]
Main = Callable[[list[str]], int]
COMMANDS: dict[str, Main] = {
    "dsf-train": dsf_train,
    "dsf-bench": dsf_bench,
    "dsf-data": dsf_data,
    "dsf-export": dsf_export,
    "dsf-run": dsf_run,
    "dsf-report": dsf_report,
}


def said(command: str, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """All that a command prints, which ends the program."""
    with pytest.raises(SystemExit) as ended:
        COMMANDS[command](list(words))
    assert not ended.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "words", "answer"),
    [
        ("dsf-train", ["--env", "pendulum"], "--env is given as a pair here, without dashes: env=pendulum"),
        ("dsf-train", ["--env=pendulum"], "env=pendulum"),
        ("dsf-train", ["pen-e", "steps=3"], "pen-e is given as a pair here: env=pen-e"),
        ("dsf-run", ["env=CartPol-v1"], "unknown environment 'CartPol-v1': did you mean CartPole-v1 or"),
        ("dsf-train", ["env=pendulum", "--batch-size", "8"], "batch_size=8"),
        ("dsf-train", ["env=pendulum", "--lr", "1e-3"], "learning_rate=1e-3"),
        ("dsf-train", ["env=pendulum", "--gpu"], "device=cuda"),
        ("dsf-train", ["env=pendulum", "--steps"], "steps=…"),
        ("dsf-run", ["--policy", "model.pt"], "policy=model.pt"),
        ("dsf-run", ["env=pendulum", "--episodes=3"], "episodes=3"),
        ("dsf-bench", ["scores", "--seeds", "0,1"], "seeds=0,1"),
        ("dsf-train", ["env=pendulum", "--frobnicate"], "unrecognized arguments: --frobnicate; dsf-train --help"),
        (
            "dsf-train",
            ["env=pendulum", "--resume", "--overwrite"],
            "--resume goes on with a run, and --overwrite replaces",
        ),
        ("dsf-report", ["--list", "run"], "--list takes no run"),
        ("dsf-export", ["model.pt", "--target", "lava", "--decisions", "x"], "--decisions: 'x' is no whole number"),
        ("dsf-export", ["model.pt", "--target", "lava", "--decisions", f"{2**63}"], "is too large: whole numbers are"),
        (
            "dsf-export",
            ["model.pt", "--target", "lava", "--output", ""],
            "--output has no value; give one, or leave it",
        ),
        ("dsf-report", ["run", "--out", ""], "--out has no value; give one, or leave it out"),
        ("dsf-report", ["run", "--front="], "--front has no value; give one, or leave it out"),
        ("dsf-report", [""], "an argument is empty; leave it out"),
        ("dsf-run", ["env=pendulum", "--video", " "], "--video has no value"),
        ("dsf-run", ["env=pendulum", "--report", ""], "--report has no value"),
        ("dsf-train", ["env=pendulum", "--import-published", ""], "--import-published has no value"),
        ("dsf-train", ["env="], "env= has no value; name an environment"),
        ("dsf-data", ["info", ""], "an argument is empty"),
        ("dsf-data", ["fetch", "env="], "env= has no value; name an environment"),
        ("dsf-export", ["model.pt"], "the following arguments are required: --target; dsf-export --help"),
    ],
)
def test_a_call_that_is_wrong_is_one_sentence(
    command: str, words: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert COMMANDS[command](words) == 2
    told = capsys.readouterr().err
    assert answer in told
    assert told.startswith(f"{command}: error: ")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "configuration"),
    [("dsf-train", TrainConfig), ("dsf-run", RunConfiguration), ("dsf-bench", BenchOptions)],
)
def test_help_lists_every_option_with_its_default_and_meaning(
    command: str, configuration: type, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = said(command, capsys, "--help")
    for option in options_of(configuration):
        assert option.meaning, option.key
        assert f"  {option.key}={option.default or '…'}" in listed
        assert option.meaning.split()[0] in listed
    assert "--help" in listed


def test_help_tells_the_values_of_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    listed = " ".join(said("dsf-train", capsys, "--help").split())
    assert "none, tdln, tdbn, ptbn, repbn" in listed
    assert "model.beta=0.25 β, the share of the membrane kept from one time step to the next" in listed


def test_a_benchmark_has_help() -> None:
    call = [sys.executable, "-m", "benchmarks.training_step", "--help"]
    listed = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert "How long does one training step take?" in listed
    assert "  steps=2 " in listed


@pytest.mark.parametrize(("word", "sentence"), [("lava=x", "it takes a whole number"), ("x.nir", "there is no file")])
def test_a_wrong_call_of_a_benchmark_is_one_sentence(word: str, sentence: str) -> None:
    call = [sys.executable, "-m", "benchmarks.imported_network", word]
    run = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 2
    assert sentence in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_bash_completes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = said(command, capsys, "--completion")
    shell = f'{line}\ncomplete -p {command}\ncompgen -W "$(complete -p {command} | cut -d\\\' -f2)" -- --he'
    run = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "--help"


def test_completion_knows_keys_values_and_environments(capsys: pytest.CaptureFixture[str]) -> None:
    words = said("dsf-train", capsys, "--completion").split("'")[1].split()
    assert {"steps=", "model.embedding_size=", "cosine", "pen-e", "--resume"} <= set(words)
