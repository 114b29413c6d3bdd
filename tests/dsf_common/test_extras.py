"""A library that is missing is one sentence with the extra that brings it; other missing modules are not ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsf_common.exit_status import run_command
from dsf_export.command_export import main as dsf_export
from dsf_train.command_bench import main as dsf_bench
from dsf_train.command_train import main as dsf_train


@pytest.mark.parametrize(
    ("main", "words", "extra"),
    [
        (dsf_train, ["env=pendulum"], "train"),
        (dsf_bench, ["scores"], "train"),
        (dsf_export, ["model.pt", "--target", "lava"], "export"),
    ],
)
def test_the_extra_is_named(
    main: object,
    words: list[str],
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.pt").touch()

    def without_torch(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")

    monkeypatch.setattr("dsf_train.command_train._carry_out", without_torch)
    monkeypatch.setattr("dsf_train.bench.sweeps.table_of_grid", without_torch)
    monkeypatch.setattr("dsf_export.export_of_call.carry_out", without_torch)
    assert main(words) == 2  # type: ignore[operator]
    told = capsys.readouterr().err
    assert f"needs torch, which is not installed: pip install 'decision-spikeformer[{extra}]'" in told
    assert told.count("\n") == 1


def test_a_module_of_ones_own_is_told_by_python() -> None:
    def main(_: list[str]) -> int:
        raise ModuleNotFoundError("No module named 'mine'", name="mine")

    with pytest.raises(ModuleNotFoundError):
        run_command(main, "dsf-train", [])
