"""A run folder with HTML and scripts wherever text can stand: nothing of it is executed."""

import json
import shutil
from pathlib import Path

import pytest

from dcgan_cli.core.runs.folder import RunFolder
from tests.chromium import Chromium
from tests.core.report.pages import Page
from tests.sweep_folders import copy_run

SCRIPT = "<script>document.title='pwned'</script>"
IMAGE = "\"'><img src=x onerror=\"document.title='pwned'\">"
TEMPLATE = "{{ 7 * 191 }}${7*191}</style></title></svg>"
EVIL = SCRIPT + IMAGE + TEMPLATE
NAME = "<img src=x onerror=document.title='pwned'>"
"""As a name of a folder, which has no slash."""


@pytest.fixture
def hostile(conditional_run, workplace) -> Path:
    run = RunFolder(Path(shutil.copytree(conditional_run, workplace / NAME)))
    record = json.loads(run.run_json.read_text())
    record |= {"class_names": [f"{EVIL}{number}" for number in range(10)], "created": EVIL}
    record |= {"precision": record["precision"], "dcgan_version": EVIL, "notes": EVIL}
    record["scored_by"] = {"features": EVIL, "samples": 5}
    record["lineage"] = [
        {"started": EVIL, "device": EVIL, "changed": {EVIL: [EVIL, EVIL]}, "from_step": EVIL}
    ]
    record["networks"][EVIL] = [
        {**layer, "name": EVIL, "type": EVIL, "output_shape": [EVIL, 7]}
        for layer in record["networks"]["generator"]
    ]
    record["config"]["data"]["path"] = EVIL
    run.run_json.write_text(json.dumps(record))
    finding = {"kind": EVIL, "epoch": 1, "text": EVIL, "advice": EVIL}
    run.write_status("finished", reason=EVIL, epoch=3, epochs=3, health=[finding])
    figures = {EVIL: {"value": 1.0, "floor": 1.0, "better": EVIL, "samples": 5}}
    evaluation = {"epoch": 3, "step": 12, "features": EVIL, "samples": 5, "first_seed": 0}
    evaluation |= {"figures": figures, "by_class": {EVIL: [0.5] * 10}}
    run.evaluation_json.write_text(json.dumps({"evaluations": [evaluation]}))
    (run.path / ".hydra" / "overrides.yaml").write_text(json.dumps([EVIL, "epochs=3"]))
    return run.path


def title_in_a_browser(request: pytest.FixtureRequest, path: Path) -> str:
    """Return the title of a page, as HTML, after its scripts have run; skips without Chromium."""
    chromium: Chromium = request.getfixturevalue("chromium")
    chromium.open(path.absolute().as_uri())
    return chromium.run("document.querySelector('title').innerHTML")


def check(path: Path) -> None:
    page = Page(path)
    page.check()
    assert "document.title='pwned'" in page.text
    assert "1337" not in page.text
    assert not [picture for picture in page.all("img") if picture["src"] == "x"]


def test_a_run(request, dcgan, hostile):
    done = dcgan("report", hostile.name, "--out", "page.html")
    assert done.code == 0, done.err
    check(Path("page.html"))
    assert title_in_a_browser(request, Path("page.html")).endswith("&gt; - dcgan report")


def test_a_sweep(request, dcgan, hostile, scored_run, workplace):
    sweep = workplace / "s"
    shutil.move(hostile, sweep / NAME)
    copy_run(scored_run, sweep / "1", 30, data__path=f"other {EVIL}")
    copy_run(scored_run, sweep / "2", 20, data__path=f"$x_{EVIL}")
    done = dcgan("report", "s", "--out", "page.html")
    assert done.code == 0, done.err
    check(Path("page.html"))
    assert title_in_a_browser(request, Path("page.html")) == "s - dcgan report"


def test_the_browser_would_tell(request, workplace):
    """That the tests above could fail: a page without our policy and escaping."""
    Path("page.html").write_text(f"<title>calm</title>{SCRIPT}")
    assert title_in_a_browser(request, Path("page.html")) == "pwned"


WRONG_TYPES = [
    *(("run.json", "data_images", value) for value in ("x", None, [], 1.5)),
    *(("run.json", "scored_by", value) for value in ("x", [1], {"features": 1}, {"samples": "x"})),
    *(("run.json", "networks", value) for value in ("x", [], {"g": "x"}, {"g": [{}]})),
    *(("run.json", "created", value) for value in (5, [EVIL], {EVIL: EVIL})),
    *(("real.json", "figures", value) for value in ({}, [], {"frechet_distance": "x"})),
    *(("real.json", "features", value) for value in (None, [])),
    *(("real.json", "samples", value) for value in ("x", None)),
    *(("real.json", "nothing_learned", value) for value in ("x", 10**400)),
    *(("status.json", "health", value) for value in ("x", [5], [{"epoch": 1, "settings": 5}])),
    *(("status.json", "reason", value) for value in (5, [EVIL])),
    *(("status.json", "epoch", value) for value in ("x", None)),
    *(("evaluation.json", "evaluations", value) for value in ("x", [5], {}, None)),
]


@pytest.mark.parametrize(("file", "name", "value"), WRONG_TYPES)
def test_values_of_the_wrong_type(dcgan, scored_run, workplace, file, name, value):
    """They are left out, or the run is damaged."""
    copy_run(scored_run, workplace / "other", 20)
    path = copy_run(scored_run, workplace / "run", 30)
    shutil.rmtree(path / "checkpoints")  # So nothing is drawn, which takes time.
    content = json.loads((path / file).read_text()) if (path / file).exists() else {}
    (path / file).write_text(json.dumps(content | {name: value}))
    for words in (["report", "run"], ["report", "run", "other"], ["inspect", "run", "other"]):
        done = dcgan(*words)
        is_damaged = done.code == 4 and words == ["report", "run"]
        assert is_damaged or done.code == 0, done.err
        if is_damaged:
            assert "run.json is damaged (" in done.err
            assert "object" not in done.err
