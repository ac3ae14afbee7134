"""Metrics of each class of a conditional generator."""

import numpy as np

from dcgan_cli.core.data.load import MIN_SCORED_IMAGES
from dcgan_cli.core.evaluation.distances import Moments, frechet_distance
from dcgan_cli.core.evaluation.features import ImageFeatures
from dcgan_cli.core.evaluation.figures import Evaluation

Figures = dict[str, list[float | None]]


def figures_by_class(
    evaluation: Evaluation, extracted: ImageFeatures, labels: np.ndarray, classes: int
) -> Figures:
    """Return the metrics of each class.

    Args:
        evaluation: the evaluation, with the real images and their classes.
        extracted: features of the generated images.
        labels: int [N], the requested class of each generated image.
        classes: number of classes.

    Returns:
        Lists with one entry per class, None if the class has too few images: `frechet_distance`
        from the real images of the class and, if the network is a classifier, `accuracy`, the share
        of images classified as the requested class. The same values for held-out images are under
        `real_...`.
    """
    figures = _measure(evaluation, extracted, labels, classes)
    if evaluation.held_out_labels is not None:
        held_out = evaluation.held_out_features
        real = _measure(evaluation, held_out, evaluation.held_out_labels, classes)
        figures |= {f"real_{name}": values for name, values in real.items()}
    return figures


def _measure(
    evaluation: Evaluation, extracted: ImageFeatures, labels: np.ndarray, classes: int
) -> Figures:
    figures: Figures = {}
    if evaluation.labels is not None:
        figures["frechet_distance"] = [
            _distance(
                extracted.features[labels == label],
                evaluation.real.features[evaluation.labels == label],
            )
            for label in range(classes)
        ]
    if extracted.probabilities is not None:
        taken_for = extracted.probabilities.argmax(axis=1)
        figures["accuracy"] = [
            float((taken_for[labels == label] == label).mean()) if label in labels else None
            for label in range(classes)
        ]
    return figures


def _distance(generated: np.ndarray, real: np.ndarray) -> float | None:
    if min(len(generated), len(real)) < MIN_SCORED_IMAGES:
        return None
    return frechet_distance(Moments.of(generated), Moments.of(real))
