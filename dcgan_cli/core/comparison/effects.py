"""How much of the spread of the scores each setting explains, with the seed as a yardstick."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pvariance
from typing import Any

from dcgan_cli.core.comparison.groups import SEED, Group

MIN_CORRELATED = 4
"""Number of runs from which a rank correlation is given."""


@dataclass(frozen=True)
class Effect:
    """What a setting does to the score."""

    name: str
    difference: float | None
    """Largest minus smallest mean score of the setting's values. Of the seed: mean difference
    between the worst and the best run of a group. None if each value has one run only, so that a
    mean would be that run's."""
    share: float | None
    """Share of the variance of the scores, from 0 to 1: the variance of those means, weighted by
    their runs, divided by that of all scores (eta squared; Fisher 1925, "Statistical Methods for
    Research Workers", section 45). Of the seed: the variance within groups. None as above."""
    correlation: float | None
    """Spearman's rank correlation of the value and the score, for numbers; positive if larger
    values score worse. None for other settings, or below `MIN_CORRELATED` runs."""


def effects(groups: Sequence[Group]) -> list[Effect]:
    """Return the effect of each setting, the largest share first, and then that of the seed.

    Args:
        groups: the groups of comparable runs.

    Returns:
        [] if fewer than two runs have a score.
    """
    runs = [(group.settings, score) for group in groups for score in group.scores]
    scores = [score for _, score in runs]
    if len(runs) < 2:
        return []
    names = list(groups[0].settings)
    found = [_of_setting(name, [own[name] for own, _ in runs], scores) for name in names]
    found.sort(key=lambda effect: -(effect.share or 0))
    return found + _of_seed(groups, scores)


def _of_setting(name: str, values: list[Any], scores: list[float]) -> Effect:
    by_value: dict[str, list[float]] = {}
    for value, score in zip(values, scores, strict=True):
        by_value.setdefault(str(value), []).append(score)
    correlation = _rank_correlation(values, scores)
    if max(map(len, by_value.values())) == 1:
        return Effect(name, None, None, correlation)
    means = [fmean(own) for own in by_value.values()]
    between = sum(
        len(own) * (mean - fmean(scores)) ** 2
        for own, mean in zip(by_value.values(), means, strict=True)
    )
    share = _share(between, scores)
    return Effect(name, max(means) - min(means), share, correlation)


def _of_seed(groups: Sequence[Group], scores: list[float]) -> list[Effect]:
    repeated = [group for group in groups if len(group.scores) > 1]
    if not repeated:
        return []
    difference = fmean(group.worst - group.best for group in repeated)
    within = sum(pvariance(group.scores) * len(group.scores) for group in repeated)
    return [Effect(SEED, difference, _share(within, scores), None)]


def _share(squares: float, scores: list[float]) -> float:
    whole = pvariance(scores) * len(scores)
    return squares / whole if whole else 0.0


def _rank_correlation(values: list[Any], scores: list[float]) -> float | None:
    from scipy.stats import spearmanr

    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if not numbers or len(values) < MIN_CORRELATED or len(set(values)) < 3:
        return None
    if len(set(scores)) < 2:
        return None
    return float(spearmanr(values, scores).statistic)
