"""Files are whole or not there."""

import json
import os

import pytest

from dcgan_cli.core.storage import replacing, write_json


def test_content_lands_and_nothing_else(tmp_path):
    with replacing(tmp_path / "a.bin") as stream:
        stream.write(b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_readers_see_the_old_file_until_the_end(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with replacing(path) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("existed", [True, False])
def test_an_exception_leaves_things_as_they_were(tmp_path, error, existed):
    path = tmp_path / "a.bin"
    if existed:
        path.write_bytes(b"old")

    def fail_halfway():
        with replacing(path) as stream:
            stream.write(b"ne")
            raise error

    with pytest.raises(error):
        fail_halfway()
    assert os.listdir(tmp_path) == (["a.bin"] if existed else [])
    if existed:
        assert path.read_bytes() == b"old"


def test_a_folder_in_the_way_is_an_os_error_and_stays(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(OSError, match="a"), replacing(tmp_path / "a") as stream:
        stream.write(b"x")
    assert os.listdir(tmp_path) == ["a"]


def test_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "no" / "a"):
        pass


def test_write_json(tmp_path):
    path = tmp_path / "a.json"
    for value in ({"a": [1, None, "é"]}, {"b": 0.1}):
        write_json(path, value)
        assert json.loads(path.read_text()) == value
    assert path.read_text().endswith("}\n")


def test_write_json_of_what_json_cannot_hold_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert os.listdir(tmp_path) == ["a.json"]
