"""What a generator makes of each class that it is asked for."""

import numpy as np

from dcgan_cli.core.data.load import LEAST_SCORED
from dcgan_cli.core.evaluation.distances import Moments, frechet_distance
from dcgan_cli.core.evaluation.features import Seen
from dcgan_cli.core.evaluation.figures import Evaluation

Figures = dict[str, list[float | None]]


def figures_by_class(
    evaluation: Evaluation, seen: Seen, labels: np.ndarray, classes: int
) -> Figures:
    """Measure each class by itself.

    Args:
        evaluation: has the real images and their classes.
        seen: what its network sees in generated images.
        labels: int [N], the classes that they were asked to be of.
        classes: how many there are.

    Returns:
        Lists with an entry a class, None where there are too few images of it: `frechet_distance`
        from the real images of the class; where the network knows classes, `accuracy`, the share
        that it takes for what they were asked to be; and both of held-out images under `real_...`.
    """
    figures = _measure(evaluation, seen, labels, classes)
    if evaluation.held_out_labels is not None:
        held_out = evaluation.seen_held_out
        real = _measure(evaluation, held_out, evaluation.held_out_labels, classes)
        figures |= {f"real_{name}": values for name, values in real.items()}
    return figures


def _measure(evaluation: Evaluation, seen: Seen, labels: np.ndarray, classes: int) -> Figures:
    figures: Figures = {}
    if evaluation.labels is not None:
        figures["frechet_distance"] = [
            _distance(
                seen.features[labels == label],
                evaluation.real.features[evaluation.labels == label],
            )
            for label in range(classes)
        ]
    if seen.probabilities is not None:
        taken_for = seen.probabilities.argmax(axis=1)
        figures["accuracy"] = [
            float((taken_for[labels == label] == label).mean()) if label in labels else None
            for label in range(classes)
        ]
    return figures


def _distance(generated: np.ndarray, real: np.ndarray) -> float | None:
    if min(len(generated), len(real)) < LEAST_SCORED:
        return None
    return frechet_distance(Moments.of(generated), Moments.of(real))
