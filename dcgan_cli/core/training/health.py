"""What is wrong with a training, in plain words and with what to try, from its metrics alone.

The thresholds are this program's own; docs/quality.md shows how far from them healthy runs stay.
"""

from dataclasses import dataclass

from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import LossConfig

Row = dict[str, float]

LOST_DIVERSITY = 0.4
"""Samples have become alike when they keep less than this part of the diversity they once had."""
ONCE_DIVERSE = 0.25
"""Below this share of the data's, diversity is that of a run that has yet to find it."""
LOST_CLASSES = 3
"""Classes that go missing together, two scores in a row, of those the samples once had."""
NO_CONTRAST = 0.05
"""Share of the data's contrast below which images are plain areas."""
ONCE_CONTRAST = 0.25
"""Below this share of the data's, contrast is that of a generator that has only begun."""
LEARNING_EPOCHS = 5
"""Scored epochs after which something should have been learned."""
LEARNING_STEPS = 1000
"""And steps: five epochs of a few hundred pictures are over before anything can have been."""
STILL_NOTHING = 0.9
"""Part of the distance of the mean picture under which a score shows that something was."""

ADVICE = {
    "collapse": "try a smaller optimizer.learning_rate, optimizer.beta_1=0.5 or a larger "
    "model.dropout in a new run; evaluating all epochs tells which one is still good",
    "missing classes": "try a smaller optimizer.learning_rate, optimizer.beta_1=0.5 or a larger "
    "batch_size in a new run; evaluating the run names them",
    "discriminator wins": "try a larger model.dropout, more images, or a smaller "
    "optimizer.learning_rate in a new run",
    "saturation": "try a smaller optimizer.learning_rate in a new run",
    "nothing learned": "try a larger optimizer.learning_rate or a smaller batch_size in a new run, "
    "or inspect the data",
}
"""What to try, by what is wrong."""


@dataclass(frozen=True)
class Finding:
    """Something wrong, and since when."""

    kind: str
    epoch: int
    text: str

    @property
    def advice(self) -> str:
        """What to try."""
        return ADVICE[self.kind]

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}; {self.advice}"


class Health:
    """Follows one run, epoch by epoch.

    Args:
        loss: what the networks minimise.
        nothing_learned: the Fréchet distance of a generator that has learned nothing; see
            `Scorer.nothing_learned`. None where there are no scores.
    """

    def __init__(self, loss: LossConfig, nothing_learned: float | None) -> None:
        self.loss = loss
        self.nothing_learned = nothing_learned
        self.findings: dict[str, Finding] = {}
        """What is wrong now, by kind."""
        self._told: set[str] = set()
        self._most_diverse = 0.0
        self._most_contrast = 0.0
        self._fewest_missing = float("inf")
        self._were_lost = False
        self._best = float("inf")
        self._scored = 0

    def add(self, row: Row) -> list[Finding]:
        """Take in an epoch.

        Args:
            row: its line of `metrics.csv`.

        Returns:
            New findings only; a finding is reported once per run.
        """
        wrong = self._from_losses(row)
        if "frechet_distance" in row:
            wrong |= self._from_scores(row)
        else:  # No news of the samples.
            wrong |= {
                kind: finding.text
                for kind, finding in self.findings.items()
                if kind != "discriminator wins"
            }
        epoch = int(row["epoch"])
        before = self.findings
        self.findings = {
            kind: Finding(kind, before[kind].epoch if kind in before else epoch, text)
            for kind, text in wrong.items()
        }
        new = [finding for kind, finding in self.findings.items() if kind not in self._told]
        self._told |= self.findings.keys()
        return new

    def _from_losses(self, row: Row) -> dict[str, str]:
        loss = row["discriminator_loss"]
        known = entry("loss", self.loss.name)
        if known.alarm is None or loss - known.minimum(self.loss.label_smoothing) >= known.alarm:
            return {}
        return {
            "discriminator wins": f"its loss is {loss:.3f}, so it knows nearly every generated "
            f"image ({known.draw:.4g} is a draw), and the generator learns little from it"
        }

    def _from_scores(self, row: Row) -> dict[str, str]:
        wrong = {}
        diversity, distance = row["diversity"], row["frechet_distance"]
        self._most_diverse = max(self._most_diverse, diversity)
        self._best = min(self._best, distance)
        self._scored += 1
        self._most_contrast = max(self._most_contrast, row["contrast"])
        if row["contrast"] < NO_CONTRAST and self._most_contrast >= ONCE_CONTRAST:
            wrong["saturation"] = (
                f"the samples are plain areas, with {row['contrast']:.0%} of the data's contrast"
            )
        lost = diversity < LOST_DIVERSITY * self._most_diverse
        if lost and self._most_diverse >= ONCE_DIVERSE:
            wrong["collapse"] = (
                f"the samples have become alike; their diversity is {diversity:.0%} of the data's "
                f"and was {self._most_diverse:.0%}"
            )
        if "missing_classes" in row:
            count, fewest = row["missing_classes"], self._fewest_missing
            if self._most_diverse >= ONCE_DIVERSE:
                self._fewest_missing = min(fewest, count)
            are_lost = count - fewest >= LOST_CLASSES
            were_lost, self._were_lost = self._were_lost, are_lost
            if are_lost and were_lost:
                wrong["missing classes"] = (
                    f"{count:.0f} classes have all but gone from the samples; it was {fewest:.0f}"
                )
        if (
            self.nothing_learned is not None
            and self._scored >= LEARNING_EPOCHS
            and row["step"] >= LEARNING_STEPS
            and self._best > STILL_NOTHING * self.nothing_learned
        ):
            wrong["nothing learned"] = (
                f"after {row['step']:,.0f} steps the best score is {self._best:.3g}; the data's "
                f"mean, repeated, would get {self.nothing_learned:.3g}"
            )
        return wrong
