"""Quoting of KEY=VALUE for Hydra's grammar and for a shell."""

import shlex
import shutil
import subprocess

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from dcgan_cli.settings.overrides import override, shell_word

PARSER = OverridesParser.create()

# Lone surrogates represent bytes of file names that are not UTF-8.
characters = st.characters(exclude_categories=["Cc"])
values = st.text(characters, min_size=1) | st.text("ab'\"\\ ${}[](),=:~!#&;.-", min_size=1)


@given(values)
@example(".5")
@example(".5e3")
@example("1e5")
@example("null")
@example("True")
@example("-inf")
@example(" a ")
@example("\\'")
@example("\\")
@example("a\\\\'b\\")
@example("${epochs}")
@example("\\${epochs}'s")
@example("don't")
@example("runs/2025-01-02_03-04-05-123456")
def test_hydra_reads_the_value_back_as_text(value):
    parsed = PARSER.parse_override(override("resume", value))
    assert parsed.key_or_group == "resume"
    assert isinstance(parsed.value(), str)
    assert OmegaConf.create({"resume": parsed.value()}).resume == value
    assert not parsed.is_sweep_override()


@pytest.mark.parametrize("value", ["", "a\nb", "a\tb", "a\rb", "\x01"])
def test_hydra_reads_empty_text_and_control_characters_back(value):
    assert PARSER.parse_override(override("resume", value)).value() == value


@pytest.mark.parametrize("value", ["runs/a", "a b", "2.x/..", "./run", "/tmp/run_1"])
def test_plain_values_stay_readable(value):
    if value[0].isdigit():
        assert override("resume", value) == f"resume='{value}'"
    else:
        assert override("resume", value) == f"resume={value}"


@given(values)
@example("a'b")
@example("$HOME's")
@example("it's !important")
@example("")
def test_a_shell_reads_the_word_back(value):
    assert shlex.split(shell_word(value)) == [value]
    word = override("resume", value)
    assert shlex.split(shell_word(word)) == [word]


@pytest.mark.skipif(shutil.which("sh") is None, reason="sh is not installed")
def test_a_real_shell_reads_the_words_back():
    words = ["a b", "it's", "$HOME", "`id`", "é'", "!x'", "a'$HOME", "\\", "a\nb'", "*", "~", "-x"]
    words += [override("resume", word) for word in words]
    script = "printf '%s\\0' " + " ".join(map(shell_word, words))
    printed = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout
    assert printed.decode().split("\0")[:-1] == words
