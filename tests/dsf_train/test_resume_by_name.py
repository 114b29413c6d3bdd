"""A run that was interrupted is gone on with by its environment and name alone, and says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dsf_common.errors import UserError
from dsf_train import schedule, trainer
from dsf_train.command_train import main
from dsf_train.run_folder import RunFolder
from dsf_train.run_options import resumed_config, training_config
from dsf_train.trainer import train
from tests.dsf_train.tiny_run import SHORT, assert_same_weights

OPTIONS = (*SHORT, "learning_rate=0.002", "model.surrogate=rectangle", "dataset=null", "steps=20")


def interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Ctrl-C come in the step after ``step``."""
    learning_rate = schedule.set_learning_rate

    def interrupted(*arguments: object) -> None:
        if arguments[-1] == step:
            raise KeyboardInterrupt
        learning_rate(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "set_learning_rate", interrupted)


def test_after_an_interruption_the_message_is_a_command_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = train(training_config([*OPTIONS, "name=whole"])).model_file
    interrupt_at(15, monkeypatch)
    assert main([*OPTIONS, "name=stopped"]) == 130
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == "dsf-train: interrupted; go on with it by dsf-train env=pendulum name=stopped --resume"
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert main(["env=pendulum", "name=stopped", "--resume"]) == 0
    assert_same_weights(whole, tmp_path / "runs" / "pendulum" / "stopped" / "model.pt")


def test_options_are_those_that_the_run_was_started_with(tmp_path: Path) -> None:
    started = training_config([*OPTIONS, f"output={tmp_path}", "name=mine", "action_low=-1,-2", "action_high=1,2"])
    folder = tmp_path / "pendulum" / "mine"
    folder.mkdir(parents=True)
    from dsf_common.plain_values import plain

    (folder / "config.yaml").write_text(yaml.safe_dump(plain(started)))
    place = ["env=pendulum", "name=mine", f"output={tmp_path}"]
    assert resumed_config(place) == started
    assert resumed_config([*place, "steps=20"]) == started


def test_a_run_from_before_an_option_came_is_gone_on_with_by_its_default(tmp_path: Path) -> None:
    config = training_config([*OPTIONS, f"output={tmp_path}", "name=old"])
    folder = RunFolder.open(config, resume=False, overwrite=False)
    stored = yaml.safe_load(folder.config.read_text())
    del stored["whole_episodes"]
    folder.config.write_text(yaml.safe_dump(stored))
    RunFolder.open(config, resume=True, overwrite=False)
    with pytest.raises(UserError, match="other values of whole_episodes"):
        RunFolder.open(replace(config, whole_episodes=True), resume=True, overwrite=False)


def test_what_was_never_begun_or_is_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run to resume"):
        resumed_config(["env=pendulum", f"output={tmp_path}"])
    train(training_config([*SHORT, "steps=2", f"output={tmp_path}"]))
    with pytest.raises(UserError, match="other values of learning_rate"):
        train(resumed_config(["env=pendulum", f"output={tmp_path}", "learning_rate=0.5"]), resume=True)


def test_an_evaluation_that_fails_loses_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise UserError("the environment fails")

    monkeypatch.setattr(trainer, "evaluate", fails)
    options = [*SHORT, f"output={tmp_path}", "evaluate_every=5", "checkpoint_every=30"]
    with pytest.raises(UserError, match="the environment fails; step 5 is saved, and --resume goes on"):
        train(training_config(options))
    with pytest.raises(UserError, match=r"the environment fails; the trained policy is saved, .*model\.pt"):
        train(training_config([*options, "evaluate_every=0", "name=other"]))
    assert (tmp_path / "pendulum" / "other" / "model.pt").is_file()


def test_an_environment_that_cannot_be_is_met_before_a_folder_is_claimed(tmp_path: Path) -> None:
    from tests.neuro_runtime.own_environments import register

    with pytest.raises(UserError, match="its reset fails"):
        train(training_config([*SHORT, f"env={register('OwnTrained-v0', fault='reset fails')}", f"output={tmp_path}"]))
    assert not list(tmp_path.iterdir())
