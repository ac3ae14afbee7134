"""The same networks and training step in PyTorch, with options that may be fast on a CPU.

As in the tutorial, both gradients are computed at the weights before the step.
"""

import contextlib
import itertools
import os
from collections.abc import Callable

import numpy as np
import torch
import torch._functorch.config
from torch import nn

NOISE_DIM = 100
DCGAN_CHANNELS = 64
"""`base_channels` of `model=dcgan`."""

Discriminate = Callable[[torch.Tensor], torch.Tensor]
Weights = list[nn.Parameter]
Gradients = tuple[torch.Tensor, ...]


def make_generator() -> nn.Module:
    """Build the tutorial's generator."""

    def norm(kind: type[nn.Module], channels: int) -> list[nn.Module]:
        return [kind(channels, eps=1e-3, momentum=0.01), nn.LeakyReLU(0.3)]

    return nn.Sequential(
        nn.Linear(NOISE_DIM, 7 * 7 * 256, bias=False),
        *norm(nn.BatchNorm1d, 7 * 7 * 256),
        nn.Unflatten(1, (256, 7, 7)),
        nn.ConvTranspose2d(256, 128, 5, padding=2, bias=False),
        *norm(nn.BatchNorm2d, 128),
        nn.ConvTranspose2d(128, 64, 5, stride=2, padding=2, output_padding=1, bias=False),
        *norm(nn.BatchNorm2d, 64),
        nn.ConvTranspose2d(64, 1, 5, stride=2, padding=2, output_padding=1, bias=False),
        nn.Tanh(),
    )


def make_discriminator() -> nn.Module:
    """Build the tutorial's discriminator."""
    return nn.Sequential(
        nn.Conv2d(1, 64, 5, stride=2, padding=2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Conv2d(64, 128, 5, stride=2, padding=2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(7 * 7 * 128, 1),
    )


def make_dcgan(size: int) -> tuple[nn.Module, nn.Module]:
    """Build the generator and the discriminator of `model=dcgan` for colour images."""
    channels = [3, *(DCGAN_CHANNELS * 2**step for step in range((size // 4).bit_length() - 1))]
    generator: list[nn.Module] = [
        nn.Linear(NOISE_DIM, 4 * 4 * channels[-1], bias=False),
        nn.Unflatten(1, (channels[-1], 4, 4)),
    ]
    discriminator: list[nn.Module] = []
    for fewer, more in reversed(list(itertools.pairwise(channels))):
        generator += [
            nn.BatchNorm2d(more, eps=1e-3, momentum=0.01),
            nn.ReLU(),
            nn.ConvTranspose2d(more, fewer, 5, stride=2, padding=2, output_padding=1, bias=False),
        ]
    for fewer, more in itertools.pairwise(channels):
        discriminator.append(nn.Conv2d(fewer, more, 5, stride=2, padding=2, bias=fewer == 3))
        if fewer > 3:
            discriminator.append(nn.BatchNorm2d(more, eps=1e-3, momentum=0.01))
        discriminator.append(nn.LeakyReLU(0.2))
    discriminator += [nn.Flatten(), nn.Linear(4 * 4 * channels[-1], 1)]
    return nn.Sequential(*generator, nn.Tanh()), nn.Sequential(*discriminator)


def make_step(options: list[str], size: int = 28) -> Callable[[np.ndarray], None]:
    """Return a training step on real images, float32 [N, size, size, C].

    Args:
        size: 28 for the tutorial's networks, which are grey; else those of `model=dcgan`.
        options: any of `bfloat16` (autocast), `channels_last` (memory format), `compiled`
            (torch.compile), `once` (one forward and one backward pass of the discriminator for both
            losses, as in dcgan).
    """
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    order = torch.channels_last if "channels_last" in options else torch.contiguous_format
    pair = (make_generator(), make_discriminator()) if size == 28 else make_dcgan(size)
    generator, discriminator = (network.to(memory_format=order) for network in pair)
    weights = [list(network.parameters()) for network in (generator, discriminator)]
    adams = [torch.optim.Adam(each, lr=1e-4, eps=1e-7, fused=True) for each in weights]
    run_generator, run_discriminator = generator, discriminator
    if "compiled" in options:
        # The backward pass runs through the discriminator's graph twice.
        torch._functorch.config.donated_buffer = "once" in options
        run_generator, run_discriminator = torch.compile(generator), torch.compile(discriminator)
    find_gradients = _gradients_once if "once" in options else _gradients_twice

    def precision() -> contextlib.AbstractContextManager:
        if "bfloat16" in options:
            return torch.autocast("cpu", torch.bfloat16)
        return contextlib.nullcontext()

    def discriminate(images: torch.Tensor) -> torch.Tensor:
        with precision():
            return run_discriminator(images).float()

    def step(images: np.ndarray) -> None:
        reals = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=order)
        with precision():
            fakes = run_generator(torch.randn(len(images), NOISE_DIM))
        found = find_gradients(discriminate, reals, fakes, *weights)
        for adam, own, gradients in zip(adams, weights, found, strict=True):
            for weight, gradient in zip(own, gradients, strict=True):
                weight.grad = gradient
            adam.step()

    return step


def _gradients_twice(
    discriminate: Discriminate,
    reals: torch.Tensor,
    fakes: torch.Tensor,
    generator_weights: Weights,
    discriminator_weights: Weights,
) -> tuple[Gradients, Gradients]:
    """Return both gradients from two forward and three backward passes, as in the tutorial."""
    cross_entropy = nn.functional.binary_cross_entropy_with_logits
    real_logits, fake_logits = discriminate(reals), discriminate(fakes)
    ones, zeros = torch.ones_like(fake_logits), torch.zeros_like(fake_logits)
    generator_loss = cross_entropy(fake_logits, ones)
    discriminator_loss = cross_entropy(real_logits, torch.ones_like(real_logits))
    discriminator_loss = discriminator_loss + cross_entropy(fake_logits, zeros)
    discriminator_gradients = torch.autograd.grad(
        discriminator_loss, discriminator_weights, retain_graph=True
    )
    return torch.autograd.grad(generator_loss, generator_weights), discriminator_gradients


def _gradients_once(
    discriminate: Discriminate,
    reals: torch.Tensor,
    fakes: torch.Tensor,
    generator_weights: Weights,
    discriminator_weights: Weights,
) -> tuple[Gradients, Gradients]:
    """Return both gradients from one forward and one backward pass, as `core/gan/gradients.py`."""
    images = torch.cat([reals, fakes.detach()]).requires_grad_()
    logits = discriminate(images)
    # Derivatives of both losses with respect to the logits (Goodfellow et al. 2014, section 3).
    chances = torch.sigmoid(logits.detach())
    of_reals, of_fakes = chances.split([len(reals), len(fakes)])
    falls = torch.cat([(of_reals - 1) / len(reals), of_fakes / len(fakes)])
    *discriminator_gradients, input_gradients = torch.autograd.grad(
        logits, [*discriminator_weights, images], grad_outputs=falls
    )
    factors = ((of_fakes - 1) / of_fakes)[:, :, None, None]
    generator_gradients = torch.autograd.grad(
        fakes,
        generator_weights,
        grad_outputs=(input_gradients[len(reals) :] * factors).to(fakes.dtype),
    )
    return generator_gradients, tuple(discriminator_gradients)
