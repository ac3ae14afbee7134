"""The notebook is that of docs/notebook.py, and runs from its first cell to its last."""

import re
from pathlib import Path

import jupytext
import nbformat
from jupyter_client.manager import start_new_kernel
from nbconvert.preprocessors import ExecutePreprocessor

import dcgan_cli
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import compose
from tests.conftest import BRIEF, QUICK, SMALL_NETWORKS

DOCS = Path(__file__).parent.parent / "docs"
SCORED = [*BRIEF[:4], *SMALL_NETWORKS, "evaluation.samples=60", "epochs=2"]
PARAMETERS = f"""
TRAINING = {["data.limit=200", *SCORED]}
COMPARISON = {["data.limit=200", *SCORED]}
PICTURES = {["batch_size=100", *SCORED[1:]]}
"""


def read() -> nbformat.NotebookNode:
    return nbformat.read(DOCS / "notebook.ipynb", as_version=4)


def parameters_of(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    return cell


def test_notebook_is_that_of_the_script():
    """`make docs` makes it."""
    script = jupytext.read(DOCS / "notebook.py")
    for one, other in zip(read().cells, script.cells, strict=True):
        assert (one.cell_type, one.source) == (other.cell_type, other.source)
        assert one.metadata == other.metadata


def test_notebook_holds_no_output():
    for cell in read().cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_notebook_runs(workplace, monkeypatch):
    monkeypatch.setenv("DCGAN_CACHE", str(workplace / "cache"))
    notebook = read()
    parameters_of(notebook).source = PARAMETERS
    run = ExecutePreprocessor(timeout=600, kernel_name="python3")
    run.preprocess(notebook, {"metadata": {"path": str(workplace)}})
    outputs = {cell.source: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    shown = {
        source: {kind for output in found for kind in output.get("data", {})}
        for source, found in outputs.items()
    }
    assert "image/png" in shown["run = dcgan.train(*TRAINING)\nrun"]
    assert "text/html" in shown["pd.DataFrame(run.metrics)"]
    assert sum("image/png" in kinds for kinds in shown.values()) == 6
    lines = [
        line
        for found in outputs.values()
        for output in found
        if output.output_type == "stream"
        for line in output.text.splitlines()
    ]
    assert all(line.isprintable() for line in lines)
    assert len([line for line in lines if re.match(r"epoch \d/2  time", line)]) == 4
    assert len(list((workplace / "runs").glob("*/run.json"))) == 5  # One by way of `latest`.


def test_stop_button_saves(workplace):
    """It is pressed when the first epoch is done."""
    words = [*QUICK, "epochs=100000", "hydra.run.dir=run"]
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(workplace))
    try:
        client.execute(f"import dcgan_cli as dcgan\ndcgan.train(*{words})")
        content: dict[str, str] = {}
        while "ename" not in content:
            content = client.get_iopub_msg(timeout=300)["content"]
            if "epoch 1/" in content.get("text", ""):
                manager.interrupt_kernel()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert content["ename"] == "KeyboardInterrupt"
    assert re.match(r"SIGINT: saved at step \d+; resume with: dcgan train res", content["evalue"])
    assert dcgan_cli.Run("run").state == "interrupted"


def test_its_own_settings_can_be_used():
    namespace: dict[str, list[str]] = {}
    exec(parameters_of(read()).source, namespace)
    compose(CommandLine.parse(namespace["TRAINING"]))
    compose(CommandLine.parse([*namespace["COMPARISON"], "loss=hinge"]))
    picture_words = ["data=image_folder", "data.path=circles", "data.image_size=32"]
    compose(CommandLine.parse([*picture_words, *namespace["PICTURES"]]))
