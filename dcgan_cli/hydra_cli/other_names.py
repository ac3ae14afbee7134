"""Names of settings in other GAN programs, for hints on unknown keys."""

from dcgan_cli.settings.tree import keys

OTHER_NAMES = {
    "optimizer.learning_rate": ("lr", "learningrate", "glr", "dlr"),
    "optimizer.beta_1": ("beta1", "b1"),
    "optimizer.beta_2": ("beta2", "b2"),
    "optimizer.epsilon": ("eps",),
    "noise_dim": ("nz", "zdim", "latentdim", "latentsize", "dimz"),
    "epochs": ("niter", "numepochs", "nepochs", "maxepochs"),
    "batch_size": ("bs", "batch", "batchsize", "trainbatchsize"),
    "model.base_channels": ("ngf", "ndf", "gdim", "ddim", "features"),
    "data.image_size": ("imagesize", "imgsize", "resolution", "res", "size"),
    "data.channels": ("nc", "numchannels", "channels", "cdim"),
    "data.path": ("dataroot", "datadir", "datapath", "path", "root"),
    "data": ("dataset",),
    "seed": ("manualseed", "randomseed"),
    "hydra.run.dir": ("outf", "outdir", "outputdir", "out", "output", "logdir", "savedir"),
    "checkpoint_every": ("snap", "saveevery", "savefreq"),
    "num_examples_to_generate": ("nsamples", "numsamples", "samplenum"),
    "loss.r1_gamma": ("gamma", "r1"),
    "model.conditional": ("cond", "conditional"),
}
"""Foreign names by key; lower case, without "-" and "_"."""


def meant_key(name: str) -> str | None:
    """Return the key for a name from another program or without its group; None if unknown."""
    plain = name.lower().replace("-", "").replace("_", "")
    for key in keys():
        short = key.name.rpartition(".")[2]
        if name.lower().replace("-", "_") in (key.name, short) and short != "name":
            return key.name
    return next((key for key, names in OTHER_NAMES.items() if plain in names), None)
