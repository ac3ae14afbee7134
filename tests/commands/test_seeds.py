"""Lists of seeds as written on the command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcgan_cli.commands.seeds import MAX_COUNT, MAX_SEED, parse_seeds
from dcgan_cli.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0", [0]),
        ("0,3,7-12", [0, 3, 7, 8, 9, 10, 11, 12]),
        ("5,5,4", [5, 5, 4]),
        (" 1 , 2 - 3 ", [1, 2, 3]),
        ("7-7", [7]),
        ("007", [7]),
        (str(MAX_SEED), [MAX_SEED]),
    ],
)
def test_examples(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text",
    ["", ",", "1,", "a", "1.5", "-1", "1-", "-", "1--2", "3-1", "1-2-3", "1 2", "٣", "1e3", "0x1"],
)
def test_what_is_no_list(text):
    with pytest.raises(ConfigError, match=r"^--seeds "):
        parse_seeds(text)


@pytest.mark.parametrize("text", [str(MAX_SEED + 1), f"0-{2**63}", "9" * 30])
def test_seeds_end_below_2_to_the_63(text):
    with pytest.raises(ConfigError, match=r"^--seeds "):
        parse_seeds(text)


@pytest.mark.parametrize("text", [f"0-{MAX_COUNT}", f"0-{MAX_SEED}", f"0,1-{MAX_COUNT}"])
def test_too_many_are_refused_before_they_are_made(text):
    with pytest.raises(ConfigError, match="at most 10,000,000 seeds"):
        parse_seeds(text)


def test_as_many_as_allowed():
    assert len(parse_seeds(f"0,2-{MAX_COUNT}")) == MAX_COUNT


parts = st.integers(0, MAX_SEED - 50).flatmap(
    lambda first: st.integers(first, first + 50).map(lambda last: (first, last))
)


@given(st.lists(parts, min_size=1, max_size=10), st.booleans())
def test_ranges_round_trip(ranges, spaced):
    dash, comma = (" - ", " , ") if spaced else ("-", ",")
    text = comma.join(str(a) if a == b else f"{a}{dash}{b}" for a, b in ranges)
    assert parse_seeds(text) == [seed for a, b in ranges for seed in range(a, b + 1)]


@given(st.text(alphabet="0123456789-, x", max_size=8))
def test_any_text_is_seeds_or_a_config_error(text):
    try:
        seeds = parse_seeds(text)
    except ConfigError:
        return
    assert seeds
    assert min(seeds) >= 0
