"""What an epoch's samples are worth: its score, the run's health, and whether to stop early."""

import dataclasses
from typing import Any

from dcgan_cli.core.evaluation.scoring import Scorer
from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.progress import Score
from dcgan_cli.core.runs.shelf import Shelf
from dcgan_cli.core.sampling.sampler import Sampler
from dcgan_cli.core.training.health import Health
from dcgan_cli.core.training.reporter import Reporter
from dcgan_cli.settings.schema import TrainConfig

Row = dict[str, float]


class EpochScores:
    """Scores one run as it goes.

    Args:
        config: its settings.
        shelf: its checkpoints.
        scorer: makes the scores; None if there are to be none.
        sampler: draws what is scored.
        reporter: shows findings.
    """

    def __init__(
        self,
        config: TrainConfig,
        shelf: Shelf,
        scorer: Scorer | None,
        sampler: Sampler,
        reporter: Reporter,
    ) -> None:
        self.config = config
        self.shelf = shelf
        self.scorer = scorer
        self.sampler = sampler
        self.reporter = reporter
        self._health: Health | None = None
        self._described = False

    def score(self, epoch: int) -> Row:
        """Return the score columns of an epoch that has just ended; none if it is not its turn."""
        every, last = self.config.evaluate_every, self.config.epochs
        if self.scorer is None or (epoch % every and epoch != last):
            return {}
        score = self.scorer.score(self.sampler)
        if not self._described:
            self._described = True
            self.reporter.note(f"score     {self.scorer.describe()}")
        return score

    def follow(self, rows: list[Row]) -> None:
        """Take in the newest row, the last of `rows`, and say what begins to go wrong."""
        if self._health is None:
            self._health = self._followed(rows[:-1])
        for finding in self._health.add(rows[-1]):
            self.reporter.note(f"warning: {finding}")

    def of_checkpoint(self, row: Row) -> Score | None:
        """Return the score that goes with the checkpoint of a row's epoch."""
        if self.scorer is None or "frechet_distance" not in row:
            return None
        return dataclasses.replace(self.scorer.kind, frechet_distance=row["frechet_distance"])

    def health(self, rows: list[Row]) -> list[dict[str, Any]]:
        """Return what is wrong after the last of `rows`, for `status.json`."""
        if not rows:
            return []
        if self._health is None:
            self._health = self._followed(rows)
        return [
            dataclasses.asdict(finding) | {"advice": finding.advice}
            for finding in self._health.findings.values()
        ]

    def out_of_patience(self) -> str | None:
        """Say why to stop, if the score has not become better for too long."""
        patience = self.config.patience
        if patience is None or self.scorer is None:
            return None
        scored = checkpoints.scored_like(self.shelf.find(), self.scorer.kind)
        best = checkpoints.best(scored, self.shelf.problems)
        if best is None or best.score is None:
            return None
        if scored[0].progress.epoch - best.progress.epoch < patience:
            return None
        return (
            f"no better score than {best.score.frechet_distance:.1f} of epoch "
            f"{best.progress.epoch} for {patience} epochs; a larger patience= trains longer"
        )

    def _followed(self, rows: list[Row]) -> Health:
        nothing_learned = self.scorer.nothing_learned if self.scorer else None
        health = Health(self.config.loss, nothing_learned)
        for row in rows:
            health.add(row)
        return health
