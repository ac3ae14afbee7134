"""Health checks: detect failed training from the metrics, and say what to try.

docs/quality.md shows how far healthy runs stay from these thresholds.
"""

from dataclasses import dataclass

from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import flatten

Row = dict[str, float]

COLLAPSE_SHARE = 0.4
"""Collapse: diversity falls below this share of its maximum so far."""
MIN_PEAK_DIVERSITY = 0.25
"""Share of the data's diversity that a run must have reached before a collapse is reported."""
NO_DIVERSITY = 0.05
"""Collapse from the start: diversity has never been above this share of the data's."""
MIN_LOST_CLASSES = 3
"""Missing classes: this many more than the fewest so far, in two consecutive scores."""
SATURATION_CONTRAST = 0.05
"""Saturation: contrast falls below this share of the data's."""
MIN_PEAK_CONTRAST = 0.25
"""Share of the data's contrast that a run must have reached before saturation is reported."""
COPIES_SHARE = 0.5
"""Copies: the samples' distance to the nearest training image is below this share of that of
held-out images."""
STUCK_SCORES = 3
"""Discriminator wins: this many scores in a row are no improvement."""
LEARNED_SHARE = 0.25
"""Discriminator wins: the score is above this share of the mean image's score."""
MIN_SCORED_EPOCHS = 5
"""Scored epochs before "nothing learned" is reported."""
MIN_ALIKE_SCORES, MIN_ALIKE_STEPS = 3, 500
"""Scored epochs, and steps, before a collapse from the start is reported. Until
`MIN_LEARNING_STEPS`, it is not reported while diversity rises: slow runs have 2 % after 470 steps
and 10 % after 705."""
RISE = 2
"""Diversity has risen if it is this many times that of the first score."""
MIN_LEARNING_STEPS = 1000
"""Steps before "nothing learned" is reported: five epochs of a few hundred images are too short."""
NOTHING_LEARNED_SHARE = 0.9
"""Nothing learned: the best score is above this share of the mean image's score."""

GOOD_FOR_PICTURES: dict[str, float] = {
    "batch_size": 16,
    "ema": 0.995,
    "model.dropout": 0.0,
    "optimizer.learning_rate": 2e-4,
    "optimizer.beta_1": 0.5,
}
"""As in conf/recipe/pictures.yaml."""
ADVICE = {
    "collapse": "evaluate all epochs to find a good one",
    "missing classes": "evaluate the run to see which classes",
    "discriminator wins": "more images help, too",
    "saturation": "resume from an earlier checkpoint, or train a new run at a smaller "
    "optimizer.learning_rate",
    "copies": "evaluate all epochs to find an early one; more images help, too",
    "nothing learned": "inspect the data",
}
"""What else to do, by kind of finding."""


@dataclass(frozen=True)
class Finding:
    """A problem, and the epoch since which it holds."""

    kind: str
    epoch: int
    text: str
    settings: dict[str, float]
    """Settings by name that helped other runs against it; none if this run has them."""

    @property
    def advice(self) -> str:
        """What else to do."""
        return ADVICE[self.kind]

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}; {self.advice}"


def helping_settings(kind: str, config: TrainConfig) -> dict[str, float]:
    """Return the settings that helped against a kind of finding and that a run does not have."""
    own = flatten(config)
    helping = {"loss.diffaugment": True} if kind == "copies" else GOOD_FOR_PICTURES
    return {name: value for name, value in helping.items() if own[name] != value}


class Health:
    """Checks the health of one run after each epoch.

    Args:
        config: the settings.
        nothing_learned: the Fréchet distance of a generator that has learned nothing; see
            `Scorer.nothing_learned`. None if that is not known.
    """

    def __init__(self, config: TrainConfig, nothing_learned: float | None) -> None:
        self.config = config
        self.loss = config.loss
        self.nothing_learned = nothing_learned
        self.findings: dict[str, Finding] = {}
        """The findings that hold now, by kind."""
        self._reported: set[str] = set()
        self._first_diversity: float | None = None
        self._most_diverse = 0.0
        self._most_contrast = 0.0
        self._fewest_missing = float("inf")
        self._were_lost = False
        self._best = self._last = float("inf")
        self._scores_since_best = 0
        self._scored = 0

    def add(self, row: Row) -> list[Finding]:
        """Check one more epoch.

        Args:
            row: its row of `metrics.csv`.

        Returns:
            New findings only; a finding is reported once per run.
        """
        if "frechet_distance" in row:
            wrong = self._from_scores(row)
        else:  # Without a score, findings about the samples stay.
            wrong = {
                kind: finding.text
                for kind, finding in self.findings.items()
                if kind != "discriminator wins"
            }
        if not self._learns():  # Good runs have low losses too: docs/quality.md.
            wrong |= self._from_losses(row)
        epoch = int(row["epoch"])
        before = self.findings
        self.findings = {
            kind: Finding(
                kind,
                before[kind].epoch if kind in before else epoch,
                text,
                helping_settings(kind, self.config),
            )
            for kind, text in wrong.items()
        }
        new = [finding for kind, finding in self.findings.items() if kind not in self._reported]
        self._reported |= self.findings.keys()
        return new

    def _learns(self) -> bool:
        """Return whether the last score is good or a recent one was the best so far.

        False in a run without scores.
        """
        if not self._scored:
            return bool(self.config.evaluate_every)
        is_good = self._last < LEARNED_SHARE * (self.nothing_learned or 0)
        return is_good or self._scores_since_best < STUCK_SCORES

    def _from_losses(self, row: Row) -> dict[str, str]:
        loss = row["discriminator_loss"]
        known = entry("loss", self.loss.name)
        if known.alarm is None or loss - known.minimum(self.loss.label_smoothing) >= known.alarm:
            return {}
        balanced = "" if known.draw is None else f" ({known.draw:.4g} is balanced)"
        stuck = " and the score has not improved" if self._scored else ""
        return {
            "discriminator wins": f"its loss is {loss:.3f}{balanced}{stuck}: it "
            "recognizes nearly every generated image, and the generator learns little from it"
        }

    def _from_scores(self, row: Row) -> dict[str, str]:
        wrong = {}
        diversity, distance = row["diversity"], row["frechet_distance"]
        self._most_diverse = max(self._most_diverse, diversity)
        improved = distance < self._best
        self._scores_since_best = 0 if improved else self._scores_since_best + 1
        self._best, self._last = min(self._best, distance), distance
        self._scored += 1
        self._most_contrast = max(self._most_contrast, row["contrast"])
        if row["contrast"] < SATURATION_CONTRAST and self._most_contrast >= MIN_PEAK_CONTRAST:
            wrong["saturation"] = f"the samples have {row['contrast']:.0%} of the data's contrast"
        lost = diversity < COLLAPSE_SHARE * self._most_diverse
        if lost and self._most_diverse >= MIN_PEAK_DIVERSITY:
            wrong["collapse"] = (
                f"the samples have become similar; their diversity is {diversity:.0%} of the "
                f"data's and was {self._most_diverse:.0%}"
            )
        if self._first_diversity is None:
            self._first_diversity = diversity
        rises = diversity >= RISE * self._first_diversity
        if (
            self._most_diverse < NO_DIVERSITY
            and self._scored >= MIN_ALIKE_SCORES
            and row["step"] >= (MIN_LEARNING_STEPS if rises else MIN_ALIKE_STEPS)
        ):
            missing = row.get("missing_classes")
            lacks = f", and {missing:.0f} classes are nearly missing" if missing else ""
            wrong["collapse"] = (
                "the samples have been alike from the start; their diversity is "
                f"{diversity:.1%} of the data's{lacks}"
            )
        if row.get("nearest", 1) < COPIES_SHARE:
            wrong["copies"] = (
                f"the samples lie at {row['nearest']:.0%} of the distance from training images "
                "that other real images have"
            )
        if "missing_classes" in row:
            count, fewest = row["missing_classes"], self._fewest_missing
            if self._most_diverse >= MIN_PEAK_DIVERSITY:
                self._fewest_missing = min(fewest, count)
            are_lost = count - fewest >= MIN_LOST_CLASSES
            were_lost, self._were_lost = self._were_lost, are_lost
            if are_lost and were_lost:
                wrong["missing classes"] = (
                    f"{count:.0f} classes are nearly missing from the samples; it was {fewest:.0f}"
                )
        if (
            self.nothing_learned is not None
            and self._scored >= MIN_SCORED_EPOCHS
            and row["step"] >= MIN_LEARNING_STEPS
            and self._best > NOTHING_LEARNED_SHARE * self.nothing_learned
        ):
            wrong["nothing learned"] = (
                f"after {row['step']:,.0f} steps the best score is {self._best:.3g}; repeating "
                f"the mean training image would score {self.nothing_learned:.3g}"
            )
        return wrong
