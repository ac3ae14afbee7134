"""The tutorial's networks and step in PyTorch, in the settings that might suit a CPU best.

As in the tutorial, generated images are judged once and both gradients are taken at the weights
before the step.
"""

import contextlib
import os
from collections.abc import Callable

import numpy as np
import torch
import torch._functorch.config
from torch import nn

BATCH_SIZE = 256
NOISE_DIM = 100


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


def make_step(options: list[str]) -> Callable[[np.ndarray], None]:
    """Return a training step on real images (float32 [N, 28, 28, 1]).

    Args:
        options: any of `bfloat16` (autocast), `channels_last` (memory order), `compiled`
            (torch.compile).
    """
    torch.set_num_threads(os.cpu_count() or 1)
    order = torch.channels_last if "channels_last" in options else torch.contiguous_format
    generator = make_generator().to(memory_format=order)
    discriminator = make_discriminator().to(memory_format=order)
    adams = [
        torch.optim.Adam(network.parameters(), lr=1e-4, eps=1e-7, fused=True)
        for network in (generator, discriminator)
    ]
    cross_entropy = nn.functional.binary_cross_entropy_with_logits
    run_generator, run_discriminator = generator, discriminator
    if "compiled" in options:
        # The discriminator's graph is gone back through twice.
        torch._functorch.config.donated_buffer = False
        run_generator, run_discriminator = torch.compile(generator), torch.compile(discriminator)

    def precision() -> contextlib.AbstractContextManager:
        if "bfloat16" in options:
            return torch.autocast("cpu", torch.bfloat16)
        return contextlib.nullcontext()

    def step(images: np.ndarray) -> None:
        reals = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=order)
        noise = torch.randn(BATCH_SIZE, NOISE_DIM)
        with precision():
            fakes = run_generator(noise)
            real_logits = run_discriminator(reals)
            fake_logits = run_discriminator(fakes)
        real_logits, fake_logits = real_logits.float(), fake_logits.float()
        ones, zeros = torch.ones_like(fake_logits), torch.zeros_like(fake_logits)
        generator_loss = cross_entropy(fake_logits, ones)
        discriminator_loss = cross_entropy(real_logits, torch.ones_like(real_logits))
        discriminator_loss = discriminator_loss + cross_entropy(fake_logits, zeros)
        pairs = ((discriminator_loss, discriminator), (generator_loss, generator))
        for loss, network in pairs:
            weights = list(network.parameters())
            found = torch.autograd.grad(loss, weights, retain_graph=network is discriminator)
            for weight, gradient in zip(weights, found, strict=True):
                weight.grad = gradient
        for adam in adams:
            adam.step()

    return step
