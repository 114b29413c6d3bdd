"""Training that has left the finite numbers is stopped at its first step that did, before anything of it is saved."""

from __future__ import annotations

import torch
from torch import Tensor

from dsf_common.errors import UserError
from dsf_models import PolicyNetwork
from dsf_train.configuration import TrainConfig
from dsf_train.sampling import Batch

LARGE_INPUT = 1e4  # what is normalised is of the order of 1


class FiniteWatch:
    """Watches loss, gradient and weights.

    On a GPU a step's numbers are looked at when :meth:`require` is called, since the processor would have to wait for
    each of them.
    """

    def __init__(self, config: TrainConfig, model: PolicyNetwork) -> None:
        self._config, self._model = config, model
        self._finite: Tensor | None = None

    def see(self, done: int, batch: Batch, loss: Tensor, gradient_norm: Tensor) -> None:
        """Take a step's numbers into account, and refuse them at once where that costs nothing.

        Raises
        ------
        UserError
            A number is not finite: names the step and the likely cause.
        """
        finite = torch.isfinite(loss.detach()) & torch.isfinite(gradient_norm.detach())
        self._finite = finite if self._finite is None else self._finite & finite
        if loss.device.type == "cpu" and not finite:
            what = "loss" if not torch.isfinite(loss) else "gradient's norm"
            raise self._error(done, f"the {what}", batch)

    def require(self, done: int, batch: Batch) -> None:
        """Refuse the numbers of all steps up to now, and the weights, before they are recorded or saved.

        Raises
        ------
        UserError
            A number is not finite.
        """
        if self._finite is not None and not self._finite:
            raise self._error(done, "the loss or the gradient's norm", batch)
        for name, tensor in self._model.state_dict().items():
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise self._error(done, f"the weight {name}", batch)

    def _error(self, done: int, what: str, batch: Batch) -> UserError:
        return UserError(
            f"training was stopped at step {done}: {what} is no finite number; {likely_cause(self._config, batch)}; "
            "nothing of it was saved as a result"
        )


def likely_cause(config: TrainConfig, batch: Batch) -> str:
    """The first of a batch's inputs that is out of all proportion, else the learning rate."""
    inputs = {
        "observations, normalised": batch.states,
        "returns-to-go, divided by the environment's return_scale": batch.returns_to_go,
        "actions": batch.actions,
    }
    for name, tensor in inputs.items():
        largest = float(tensor.detach().abs().max())
        if not largest <= LARGE_INPUT:
            return f"the {name}, are as large as {largest:.3g}, look at the dataset with dsf-data info"
    return f"learning_rate={config.learning_rate:g} may be too high, try a tenth of it"
