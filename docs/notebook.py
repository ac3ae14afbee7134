# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # DCGANs in a notebook
#
# To install, in a checkout of the project:
#
#     pip install . pandas matplotlib
#
# [python.md](python.md) describes every function.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

import dcgan_cli as dcgan

# %% [markdown]
# How long the trainings below take. With these settings each takes a few minutes on two cores.

# %% tags=["parameters"]
TRAINING = ["experiment=quick", "data.limit=15000", "epochs=4"]
COMPARISON = ["data.limit=12000", "epochs=4"]
PICTURES = ["epochs=60", "batch_size=20"]

# %% [markdown]
# ## Sample
#
# MNIST and a trained generator are inside the package.


# %%
def show(images, columns=10):
    """Show images (uint8 [N, H, W, C]) as a grid."""
    rows = -(-len(images) // columns)
    _, axes = plt.subplots(rows, columns, figsize=(columns, rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image in zip(axes.flat, images, strict=False):
        axis.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
    plt.show()


generator = dcgan.load("bundled")
show(generator.sample(20))

# %% [markdown]
# Latent vectors of your own: a line between two of them.

# %%
ends = np.random.default_rng(1).standard_normal((2, generator.noise_dim))
share = np.linspace(0, 1, 10)[:, np.newaxis]
show(generator.render((1 - share) * ends[0] + share * ends[1]))

# %% [markdown]
# ## Train
#
# The stop button saves, and `dcgan.train("resume=latest")` resumes. A run shows its newest grid.

# %%
run = dcgan.train(*TRAINING)
run

# %%
pd.DataFrame(run.metrics)

# %%
show(run.load("best").sample(20))

# %% [markdown]
# ## Compare two losses

# %%
losses = ("non_saturating", "hinge")
runs = {loss: dcgan.train(*COMPARISON, f"loss={loss}", progress=False) for loss in losses}

# %%
figure, axis = plt.subplots()
for loss, trained in runs.items():
    pd.DataFrame(trained.metrics).plot(x="epoch", y="frechet_distance", ax=axis, label=loss)
axis.set_ylabel("Fréchet distance (lower is better)")
plt.show()

# %% [markdown]
# `evaluate` says more, and what real images get.

# %%
figures = dcgan.evaluate(runs["hinge"], samples=1000, progress=False)["figures"]
pd.DataFrame(figures).T

# %% [markdown]
# ## Your own pictures
#
# Any folder of pictures will do; this one is drawn here. [data.md](data.md) says what becomes of
# them.

# %%
folder = Path("circles")
folder.mkdir(exist_ok=True)
random = np.random.default_rng(0)
for number in range(200):
    picture = Image.new("RGB", (64, 64), "white")
    left, top, size = random.integers(8, 24, 3).tolist()
    colour = tuple(random.integers(0, 200, 3).tolist())
    ImageDraw.Draw(picture).ellipse((left, top, left + size, top + size), fill=colour)
    picture.save(folder / f"{number:03}.png")

# %%
circles = dcgan.train("data=image_folder", f"data.path={folder}", "data.image_size=32", *PICTURES)
show(circles.load().sample(20))
