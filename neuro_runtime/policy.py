"""A policy to steer with: observations and rewards in, actions out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from threading import Lock, get_ident
from types import TracebackType
from typing import Any

from numpy.typing import ArrayLike, NDArray

from dsf_common.errors import UserError
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.activity import Activity
from neuro_runtime.backends.base import Backend, ClipsInputs, KnowsProtocol, action_bounds_of
from neuro_runtime.backends.registry import default_backend, open_backend
from neuro_runtime.environments.spec import load_environment_spec
from neuro_runtime.episodes.episode_tokens import EpisodeTokens
from neuro_runtime.policy_files import find_policy, shipped_policies
from neuro_runtime.policy_protocol import PolicyProtocol
from neuro_runtime.return_watch import ReturnWatch


def load_policy(name_or_path: str | Path, backend: str | None = None) -> Policy:
    """Open a policy for closed loop.

    Parameters
    ----------
    name_or_path
        The name of a shipped policy, as a rule that of its environment, a ``model.pt``, a ``.dsf.h5`` program, or a
        folder.
    backend
        The runner's name: ``loihi-sim`` (Lava's simulator), ``loihi-fast`` (ours, compiled), ``interpreter`` (plain
        numpy), ``torch`` (the trained model), ``loihi`` (hardware), or any other installed under the entry-point group.
        By default the first of these that is installed, which is said where it is not the first.

    Raises
    ------
    UserError
        No such policy or backend, or the backend cannot run this policy here: one sentence says why.

    Examples
    --------
    >>> with load_policy("pen-e", backend="loihi-sim") as policy:
    ...     policy.reset()
    ...     action = policy.act(observation)
    ...     observation, reward, *_ = environment.step(action)
    ...     action = policy.act(observation, reward)
    """
    files, backend = find_policy(name_or_path), default_backend() if backend is None else backend
    where = files.name if files.name in shipped_policies() else str(Path(name_or_path).expanduser().absolute())
    return Policy(open_backend(backend, files), opened_as=(where, backend))


class Policy:
    """A return-conditioned policy in closed loop: it keeps the return-to-go and its own last action.

    A policy between two episodes can be pickled, where :func:`load_policy` opened it: whoever unpickles it opens the
    same file with the same backend.

    Parameters
    ----------
    backend
        The backend that decides. The policy owns it from here on and closes it.
    opened_as
        The arguments of :func:`load_policy` that open it again.
    """

    def __init__(self, backend: Backend, opened_as: tuple[str, str] | None = None) -> None:
        self._backend = backend
        self._opened_as = opened_as
        self._returns = ReturnWatch(backend)
        self._deciding = Lock()
        self._activity: Activity | None = None
        self._thread: int | None = get_ident()  # whose episode it is; None once it is closed
        self.reset()

    @property
    def backend(self) -> Backend:
        """The backend that decides."""
        return self._backend

    @property
    def environment(self) -> str:
        """Name of the environment the policy was trained for."""
        return self._backend.environment

    @property
    def return_target(self) -> float:
        """The return-to-go an episode begins with by default, in raw reward."""
        return self._backend.return_target

    @property
    def observation_size(self) -> int:
        """Width of an observation."""
        return self._backend.observation_size

    @property
    def action_size(self) -> int:
        """Width of an action."""
        return self._backend.action_size

    @property
    def protocol(self) -> PolicyProtocol | None:
        """How it was trained, and is to be run; None where its backend does not say."""
        return self._backend.protocol if isinstance(self._backend, KnowsProtocol) else None

    @property
    def delayed_reward(self) -> bool:
        """Whether it was trained with all reward at the end of an episode: then :meth:`act` is to get 0 until then."""
        return self.protocol is not None and self.protocol.delayed_reward

    @property
    def activity(self) -> Activity:
        """The network's activity in the last decision.

        Raises
        ------
        UserError
            There was no decision yet.
        """
        if self._activity is None:
            raise UserError("the policy has not decided anything yet: call act first")
        return self._activity

    @cached_property
    def _rescaled(self) -> ActionBounds | None:
        """The bounds that an action is brought into; None where they are its own −1 … 1."""
        bounds = self.action_bounds
        return None if bounds is None or bounds.are_unit else bounds

    @property
    def clipped_inputs(self) -> int:
        """Entries of observations that were clipped up to now, being far from all that the policy was trained on."""
        return self._backend.clipped_inputs if isinstance(self._backend, ClipsInputs) else 0

    def reset(self, return_target: float | None = None) -> None:
        """Begin an episode: forget the past and want ``return_target`` (default: the policy's own) from it.

        The episode belongs to the thread that begins it.

        Raises
        ------
        UserError
            The return target is no number or not finite, another thread is being answered, or the policy is closed.
        """
        self._need_open()
        self._claim()
        try:
            self._begin(return_target)
        finally:
            self._deciding.release()

    def _need_open(self) -> None:
        if self._thread is None:
            raise UserError("this policy is closed: open it again")

    def _begin(self, return_target: float | None) -> None:
        self._thread = get_ident()
        target = self.return_target if return_target is None else return_target
        bounds = action_bounds_of(self._backend)
        self._tokens = EpisodeTokens(target, self.observation_size, self.action_size, self.environment, bounds)
        self._wanted = target
        self._returns.see(target)
        self._backend.reset()

    @cached_property
    def action_bounds(self) -> ActionBounds | None:
        """The bounds of an action in the environment's own unit; None where they are not known to be but −1 … 1.

        A file made by an earlier release has none, so its environment's specification is asked.
        """
        backend = self._backend
        if bounds := action_bounds_of(backend):
            return bounds
        try:
            bounds = load_environment_spec(backend.environment).action_bounds
        except UserError:  # an environment of somebody else's
            return None
        return bounds if bounds and len(bounds.low) == backend.action_size else None

    def act(self, observation: ArrayLike, reward: float = 0.0, *, normalised: bool = False) -> NDArray[Any]:
        """Decide one step.

        Parameters
        ----------
        observation
            Raw observation, shape (obs,).
        reward
            The previous action's reward; it is taken off the return-to-go. Ignored at an episode's first step.
        normalised
            Whether the action is wanted in the −1 … 1 of the policy's tanh, as `make_environment` takes it.

        Returns
        -------
        action
            Shape (act,), in the environment's own unit (`action_bounds`), as `gymnasium.make` takes it; −1 … 1 where
            no bounds are known. Where the environment takes a choice, that whole number, of shape ().

        Raises
        ------
        UserError
            The observation has another shape, it, the reward or the action is not finite, another thread began the
            episode or is being answered, or the policy is closed.
        """
        self._claim()
        try:
            if get_ident() != self._thread:
                self._need_open()
                raise UserError(
                    "another thread began this policy's episode: open one policy a thread, or reset it here"
                )
            decision = self._backend.decide(self._tokens.token(observation, reward))
            self._tokens.acted(decision.action)
        finally:
            self._deciding.release()
        self._activity = decision.activity
        if normalised or self._rescaled is None:
            return decision.action.copy()
        return self._rescaled.from_unit(decision.action)

    def _claim(self) -> None:
        """Keep other threads out, which are told so; whoever claims releases ``_deciding``."""
        if not self._deciding.acquire(blocking=False):
            raise UserError("the policy is deciding in another thread: open one policy a thread")

    def close(self) -> None:
        """Release what the backend holds (for Lava, its process); the policy decides nothing any more."""
        self._thread = None
        self._backend.close()

    def __reduce__(self) -> tuple[Callable[[str, str, float], Policy], tuple[str, str, float]]:
        """How to open it again, in another process for example.

        Raises
        ------
        UserError
            It is in the middle of an episode, or `load_policy` did not open it.
        """
        if self._opened_as is None:
            raise UserError("this policy cannot be pickled, as load_policy did not open it: open it where it is used")
        if not self._tokens.is_new:
            raise UserError("this policy cannot be pickled in the middle of an episode: reset it first")
        return _open_again, (*self._opened_as, self._wanted)

    def __enter__(self) -> Policy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _open_again(name_or_path: str, backend: str, return_target: float) -> Policy:
    """A policy that was pickled."""
    policy = load_policy(name_or_path, backend)
    policy.reset(return_target)
    return policy
