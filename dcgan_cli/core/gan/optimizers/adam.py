"""Adam."""

from typing import Any

from dcgan_cli.settings.registry import optimizer


@optimizer("adam")
def adam(settings: Any, learning_rate: Any) -> Any:
    """Adam (Kingma & Ba 2015)."""
    from dcgan_cli.core.gan.updates import FusedAdam

    return FusedAdam(
        learning_rate,
        beta_1=settings.beta_1,
        beta_2=settings.beta_2,
        epsilon=settings.epsilon,
    )
