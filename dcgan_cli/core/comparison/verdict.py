"""Say which group of runs is best, and whether its seeds show it."""

from collections.abc import Sequence

from dcgan_cli.core.comparison.groups import Group

BEST, BEHIND, OVERLAPS, UNCLEAR = "best", "behind", "overlaps", "one seed"
"""How a group compares with the best one. It is behind if its best seed scores worse than the worst
seed of the best group, and overlaps with it otherwise. One seed shows neither."""
MOST_NAMES = 3


def standing(group: Group, first: Group) -> str:
    """Return how a group compares with the one that has the best mean; "" without scores."""
    if not group.scores:
        return ""
    if group is first:
        return BEST
    if min(len(group.scores), len(first.scores)) < 2:
        return UNCLEAR
    return BEHIND if group.best > first.worst else OVERLAPS


def verdict(groups: Sequence[Group], why_not: str = "") -> str:
    """Return one or two sentences on which group is best; "" if there are no scores.

    Args:
        groups: those with the best mean score first.
        why_not: why the scores must not be compared; "" if they may be.
    """
    scored = [group for group in groups if group.scores]
    if not scored:
        return ""
    if why_not:
        return f"No verdict: {why_not}, so their scores cannot be compared."
    first, *others = scored
    if not others:
        return _alone(first)
    overlapping = [group for group in others if standing(group, first) == OVERLAPS]
    unclear = [group for group in others if standing(group, first) == UNCLEAR]
    following = others[0]
    if standing(following, first) == UNCLEAR or (unclear and not overlapping):
        return (
            f"{first.name} has the best score ({first.mean:.1f}; the next, {following.name}, has "
            f"{following.mean:.1f}), but one seed does not show a difference: repeat with "
            "seed=1,2,3."
        )
    if overlapping:
        return (
            f"{first.name} has the best mean ({first.mean:.1f}), but its seeds overlap with those "
            f"of {_names(overlapping)}. More seeds may tell them apart."
        )
    return (
        f"{first.name} is best: its worst seed ({first.worst:.1f}) beats the best seed of the "
        f"next, {following.name} ({following.best:.1f})."
    )


def _alone(group: Group) -> str:
    if len(group.scores) < 2:
        return ""
    return (
        f"{len(group.scores)} seeds of the same settings: mean {group.mean:.1f}, from "
        f"{group.best:.1f} to {group.worst:.1f}."
    )


def _names(groups: Sequence[Group]) -> str:
    names = [group.name for group in groups[:MOST_NAMES]]
    if len(groups) > MOST_NAMES:
        return f"{', '.join(names)} and {len(groups) - MOST_NAMES} more"
    return " and ".join(names)
