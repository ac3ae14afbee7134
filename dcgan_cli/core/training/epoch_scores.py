"""Score epochs, check the health of a run, and decide on early stopping."""

import dataclasses
from typing import Any

from dcgan_cli.core.evaluation.scoring import Scorer
from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.checkpoint_cache import CheckpointCache
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.progress import Score
from dcgan_cli.core.sampling.sampler import Sampler
from dcgan_cli.core.training.health import Finding, Health
from dcgan_cli.core.training.real_images import write_real_figures
from dcgan_cli.core.training.reporter import Reporter
from dcgan_cli.settings.schema import TrainConfig

Row = dict[str, float]


class EpochScores:
    """Scores the epochs of one run while it trains.

    Args:
        config: the settings.
        run: the run folder.
        checkpoint_cache: the checkpoints of the run.
        scorer: computes the scores; None for a run without scores.
        sampler: generates the images to score.
        reporter: shows findings.
    """

    def __init__(
        self,
        config: TrainConfig,
        run: RunFolder,
        checkpoint_cache: CheckpointCache,
        scorer: Scorer | None,
        sampler: Sampler,
        reporter: Reporter,
    ) -> None:
        self.config = config
        self.run = run
        self.checkpoint_cache = checkpoint_cache
        self.scorer = scorer
        self.sampler = sampler
        self.reporter = reporter
        self._health: Health | None = None
        self._described = False

    def score(self, epoch: int, *, is_last: bool) -> Row:
        """Return the score columns of the epoch that has just finished; {} if it is not scored.

        Args:
            epoch: its number.
            is_last: whether the run ends with it; the last epoch is always scored.
        """
        if self.scorer is None or (epoch % self.config.evaluate_every and not is_last):
            return {}
        score = self.scorer.score(self.sampler)
        if not self._described:
            self._described = True
            self.reporter.note(f"score     {self.scorer.describe()}")
            write_real_figures(self.run, self.scorer, self.reporter)
        return score

    def prepare(self) -> None:
        """Do now what the first score has to do beyond what each does."""
        if self.scorer is not None:
            self.scorer.precompute_real_statistics()

    def rehearse(self) -> None:
        """Score without a result."""
        if self.scorer is not None:
            self.scorer.score(self.sampler)

    def check_health(self, rows: list[Row]) -> list[Finding]:
        """Check the health of the run after the last of `rows` and return new findings."""
        if self._health is None:
            self._health = self._health_after(rows[:-1])
        return self._health.add(rows[-1])

    def checkpoint_score(self, row: Row) -> Score | None:
        """Return the score to store in the checkpoint of a row's epoch; None if it has none."""
        if self.scorer is None or "frechet_distance" not in row:
            return None
        return dataclasses.replace(self.scorer.kind, frechet_distance=row["frechet_distance"])

    def health(self, rows: list[Row]) -> list[dict[str, Any]]:
        """Return the findings that hold after the last of `rows`, for `status.json`."""
        if not rows:
            return []
        if self._health is None:
            self._health = self._health_after(rows)
        return [
            dataclasses.asdict(finding) | {"advice": finding.advice}
            for finding in self._health.findings.values()
        ]

    def early_stop_reason(self) -> str | None:
        """Return why to stop early; None if the score improved in the last `patience` epochs."""
        patience = self.config.patience
        if patience is None or self.scorer is None:
            return None
        scored = checkpoints.with_comparable_score(self.checkpoint_cache.find(), self.scorer.kind)
        best = checkpoints.best(scored, self.checkpoint_cache.problems)
        if best is None or best.score is None:
            return None
        if scored[0].progress.epoch - best.progress.epoch < patience:
            return None
        return (
            f"no improvement for {patience} epochs (best: {best.score.frechet_distance:.1f}, epoch "
            f"{best.progress.epoch}); raise patience= to continue"
        )

    def _health_after(self, rows: list[Row]) -> Health:
        nothing_learned = self.scorer.nothing_learned if self.scorer else None
        health = Health(self.config, nothing_learned)
        for row in rows:
            health.add(row)
        return health
