"""Pack MNIST's four IDX files into the archive that is bundled with the package.

    python scripts/make_mnist.py FOLDER_WITH_IDX_FILES dcgan_cli/assets/mnist/mnist.npz

The archive has the keys of Keras's `mnist.npz`. Its bytes depend only on the four files and the
zlib version. `dcgan_cli/core/data/load.py` pins the printed sha256.
"""

import argparse
import hashlib
import zipfile
from pathlib import Path

import numpy as np

from dcgan_cli.core.data.arrays.idx import read_idx

# As published with the data set. Of the uncompressed files, so the gzip settings do not matter.
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
KEYS = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def main() -> None:
    """Write the archive and print its sha256."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("archive", type=Path)
    arguments = parser.parse_args()

    arguments.archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(arguments.archive, "w") as archive:
        for key, name in KEYS.items():
            plain = arguments.folder / name
            array = read_idx(plain if plain.is_file() else plain.with_suffix(".gz"), MD5[name])
            # A fixed date keeps the archive's bytes the same on every run.
            member = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w") as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
    print(hashlib.sha256(arguments.archive.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
