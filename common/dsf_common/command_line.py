"""The parser of a command that takes flags and ``key=value`` pairs: its help, its errors, and its completion."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from dsf_common.errors import UserError
from dsf_common.whole_numbers import beyond_64_bits

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Configuration = Callable[[], "type[DataclassInstance]"]


def whole_number(text: str) -> int:
    """A flag's value as an integer.

    Raises
    ------
    argparse.ArgumentTypeError
        It is none, or too large to count with.
    """
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if too_large := beyond_64_bits(number):
        raise argparse.ArgumentTypeError(too_large)
    return number


def path(text: str) -> Path:
    """A flag's value as a path; a shell leaves the ``~`` of ``--out=~/runs`` as it is."""
    return Path(text).expanduser()


class CommandParser(argparse.ArgumentParser):
    """argparse's parser, which knows the command's pairs too.

    ``--help`` lists them all; a pair that was written as a flag is answered with the pair; ``--completion`` prints a
    line by which bash completes the command.

    Parameters
    ----------
    configuration
        Imports and gives the dataclass of the pairs; asked only when it is needed, as that may take long.
    values
        Gives words that pairs take as values, such as the names of environments, likewise.
    """

    def __init__(
        self,
        *arguments: Any,
        configuration: Configuration | None = None,
        values: Callable[[], Iterable[str]] = tuple,
        **options: Any,
    ) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*arguments, **options)
        self._configuration, self._values = configuration, values
        if options.get("add_help", True):
            self.add_argument(
                "--completion",
                action=_PrintCompletion,
                nargs=0,
                help=f'print a line for bash: eval "$({self.prog} --completion)" completes options with the tab key',
            )

    def format_help(self) -> str:
        """Flags, then every pair with its default and meaning."""
        if self._configuration is None:
            return super().format_help()
        from dsf_common.key_value_options import describe_keys

        return f"{super().format_help()}\noptions as key=value pairs:\n{describe_keys(self._configuration())}\n"

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse a flag without its value, and a pair that is written as a flag; then as argparse does."""
        words = list(args or [])
        self._refuse_empty(words)
        self._refuse_pairs_as_flags(words)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence.

        Raises
        ------
        UserError
            Always.
        """
        raise UserError(f"{message}; {self.prog} --help lists all options")

    def completion(self) -> str:
        """A line for bash that completes flags, keys and values."""
        words = sorted({*self._option_string_actions, *self._pairs(), *self._values()})
        return f"complete -o default -o nospace -W '{' '.join(words)}' {self.prog}"

    def _keys(self) -> list[str]:
        if self._configuration is None:
            return []
        from dsf_common.option_meanings import options_of

        return [option.key for option in options_of(self._configuration())]

    def _pairs(self) -> Iterator[str]:
        if self._configuration is not None:
            from dsf_common.option_meanings import options_of

            for option in options_of(self._configuration()):
                yield f"{option.key}="
                yield from option.values

    def _refuse_empty(self, words: Sequence[str]) -> None:
        """An empty word, such as of an empty variable of a script, is no path but would be read as the folder here."""
        for before, word in zip(["", *words], words, strict=False):
            flag, equals, value = word.partition("=")
            if word.startswith("--") and equals and not value.strip():
                raise UserError(f"{flag} has no value; give one, or leave it out")
            if not word.strip():
                flag = before if before.startswith("--") and "=" not in before else ""
                raise UserError(
                    f"{flag} has no value; give one, or leave it out" if flag else "an argument is empty; leave it out"
                )

    def _refuse_pairs_as_flags(self, words: Sequence[str]) -> None:
        for place, word in enumerate(words):
            name, equals, value = word.lstrip("-").partition("=")
            name = name.replace("-", "_")
            if self._configuration is not None and not word.startswith("-") and not equals:
                self._refuse_bare_environment(word, words[place - 1] if place else "")
            if not word.startswith("--") or not name or self._is_flag(word):
                continue
            from dsf_common.synonyms import ours

            keys = self._keys()
            key = name if name in keys else ours(name, keys)
            if key is not None:
                following = words[place + 1 : place + 2]
                value = value if equals else "".join(item for item in following if "=" not in item and item[:1] != "-")
                pair = key if "=" in key else f"{key}={value or '…'}"
                raise UserError(f"{word} is given as a pair here, without dashes: {pair}")

    def _refuse_bare_environment(self, word: str, before: str) -> None:
        if not before.startswith("--") and word in self._values():
            raise UserError(f"{word} is given as a pair here: env={word}")

    def _is_flag(self, word: str) -> bool:
        name = word.partition("=")[0]
        return any(flag.startswith(name) for flag in self._option_string_actions)


class _PrintCompletion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        assert isinstance(parser, CommandParser)
        print(parser.completion())
        parser.exit()
