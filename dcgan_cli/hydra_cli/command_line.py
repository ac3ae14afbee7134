"""Parse the arguments of `dcgan train` into overrides and Hydra flags."""

import argparse
import itertools
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from dcgan_cli.errors import ConfigError
from dcgan_cli.hydra_cli.other_names import meant_key
from dcgan_cli.settings.overrides import literal_path, override, shell_word
from dcgan_cli.settings.tree import keys

INFO = ["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]


@dataclass(frozen=True)
class CommandLine:
    """The arguments of `dcgan train`: overrides and Hydra flags."""

    overrides: list[str]
    options: argparse.Namespace

    @classmethod
    def parse(cls, words: list[str]) -> "CommandLine":
        """Return the overrides and flags in `words`.

        Raises:
            ConfigError: a flag is unknown or lacks its value, or a word is not an override.
        """
        parser = _Parser(add_help=False, allow_abbrev=False)
        parser.add_argument("--multirun", "-m", action="store_true")
        parser.add_argument("--cfg", "-c", choices=["job", "hydra", "all"])
        parser.add_argument("--resolve", action="store_true")
        parser.add_argument("--package", "-p")
        parser.add_argument("--info", "-i", nargs="?", const="all")
        parser.add_argument("--hydra-help", action="store_true")
        parser.add_argument("--config-name", "-cn", default="train")
        # Hydra's -cp replaces the shipped configs, which every run needs. Here both options add.
        parser.add_argument("--config-dir", "-cd", "--config-path", "-cp", type=_folder)
        options, overrides = parser.parse_known_args(words)
        if options.info and "=" in options.info:  # argparse took the next override.
            overrides.insert(0, options.info)
            options.info = "all"
        if options.info and options.info not in INFO:
            raise ConfigError(f"--info must be {' or '.join(INFO)}, got {options.info!r}")
        _check_spaces(overrides)
        for word, following in itertools.pairwise([*overrides, ""]):
            _check_word(word, following)
        overrides = _take_mode(overrides, options)
        overrides = [literal_path(word, sweep=options.multirun) for word in overrides]
        if options.config_dir and not options.config_dir.is_dir():
            raise ConfigError(
                f"--config-dir {options.config_dir} is not a folder; give an existing folder"
            )
        line = cls(overrides, options)
        if options.resolve and not options.cfg:
            raise ConfigError("--resolve needs --cfg: dcgan train --cfg job --resolve")
        if options.multirun and line.shows_something:
            raise ConfigError(
                "--multirun cannot be combined with --cfg, --info or --hydra-help; remove one"
            )
        return line

    @property
    def shows_something(self) -> bool:
        """Whether Hydra prints something instead of starting a run."""
        return bool(self.options.cfg or self.options.info or self.options.hydra_help)

    def adding(self, *overrides: str) -> "CommandLine":
        """Return a copy with more overrides."""
        return replace(self, overrides=[*self.overrides, *overrides])

    def search_flags(self) -> list[str]:
        """Return the flags that select the primary config and the config folder."""
        flags = [f"--config-name={self.options.config_name}"]
        if self.options.config_dir:
            flags.append(f"--config-dir={self.options.config_dir}")
        return flags

    def words(self) -> list[str]:
        """Return all words in the order that Hydra 1.3 requires: overrides, then flags."""
        flags = [f"--{name}" for name in ("multirun", "resolve") if getattr(self.options, name)]
        flags += [
            f"--{name}={value}"
            for name in ("cfg", "package", "info")
            if (value := getattr(self.options, name))
        ]
        if self.options.hydra_help:
            flags.append("--hydra-help")
        return [*self.overrides, *self.search_flags(), *flags]


def _folder(text: str) -> Path:
    return Path(os.path.expanduser(text))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see dcgan train --help")


def _take_mode(overrides: list[str], options: argparse.Namespace) -> list[str]:
    """Return the words without `hydra.mode=...`; set `options.multirun` from its value.

    Raises:
        ConfigError: the mode is not RUN or MULTIRUN.
    """
    rest = []
    for word in overrides:
        key, _, value = word.partition("=")
        if key.lstrip("+") != "hydra.mode":
            rest.append(word)
            continue
        mode = value.strip("'\"").upper()
        if mode not in ("RUN", "MULTIRUN"):
            raise ConfigError(f"hydra.mode must be RUN or MULTIRUN, got {value}; -m sets MULTIRUN")
        options.multirun = mode == "MULTIRUN"
    return rest


def _check_spaces(words: list[str]) -> None:
    """Check that no override is written with spaces around "=" or instead of it.

    Raises:
        ConfigError: an override has such spaces; the message shows the right form.
    """
    known = {key.name for key in keys()}
    for index, word in enumerate(words):
        if re.match(r"\S+=\S", word):
            continue
        text = " ".join(words[index : index + 3])
        found = re.match(r"\s*([\w.+]+)(?:\s*=\s*|\s+)([^\s=]+)(?=\s|$)", text)
        if found and (found[1].lstrip("+") in known or found[1].startswith("hydra.")):
            raise ConfigError(f"write {found[1]}={found[2]} as one word without spaces")


def _check_word(word: str, following: str) -> None:
    """Check that a word is an override.

    Args:
        word: the word.
        following: the next word, for the hint on an unknown option; empty at the end.

    Raises:
        ConfigError: the word is not an override.
    """
    if word.startswith("-"):
        name, _, value = word.lstrip("-").partition("=")
        value = value or ("" if "=" in following or following.startswith("-") else following)
        key = meant_key(name)
        hint = f"; write {key}={value or 'VALUE'}" if key else "; see dcgan train --help"
        raise ConfigError(f"unknown option {word}{hint}")
    if word.endswith("="):
        raise ConfigError(f"{word} has no value; add one or remove {word}")
    if "=" not in word and word and Path(word).exists():
        path = shell_word(override("data.path", word))
        raise ConfigError(
            f"{word!r} is not KEY=VALUE; to train on this path, write data=image_folder {path}, or "
            f"data=npz {path}"
        )
    if "=" not in word and not word.startswith("~"):
        raise ConfigError(f"{word!r} is not KEY=VALUE; see dcgan train --help")
