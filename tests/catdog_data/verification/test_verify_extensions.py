"""`extensions`: files that the tf.data API lists where it is asked for them."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from catdog_data import verify
from catdog_data.verification.command import verify as command

tifffile = pytest.importorskip("tifffile")

PIXELS = np.random.default_rng(1).integers(0, 65536, (9, 11, 6), dtype=np.uint16)


@pytest.fixture
def scans(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    np.save(tmp_path / "a" / "good.npy", PIXELS)
    np.save(tmp_path / "a" / "pickled.npy", np.array([{}]))
    whole = (tmp_path / "a" / "good.npy").read_bytes()
    (tmp_path / "a" / "cut.npy").write_bytes(whole[:-9])
    tifffile.imwrite(
        tmp_path / "b" / "good.tif", PIXELS, photometric="minisblack", planarconfig="contig"
    )
    whole = (tmp_path / "b" / "good.tif").read_bytes()
    (tmp_path / "b" / "cut.tif").write_bytes(whole[: len(whole) // 2])
    for name in "ab":
        Image.fromarray(PIXELS[..., 0].astype(np.uint8)).save(tmp_path / name / "1.png")
    return tmp_path


def test_what_is_listed_is_looked_at(scans):
    report = verify(scans, extensions=["npy", ".TIF"], progress=False)
    assert report.files == 5
    assert report.bad == ("a/cut.npy", "a/pickled.npy", "b/cut.tif")
    found = {(each.name, each.kind) for each in report.findings}
    assert found >= {("a/cut.npy", "cut"), ("a/pickled.npy", "damaged"), ("b/cut.tif", "cut")}
    assert {("a/good.npy", "16-bit")} == {each for each in found if "good" in each[0]}
    assert report.formats == {"NumPy array": 3}  # what Pillow does not know has no header here
    (folder,) = report.folders
    assert folder.passed_over == {".png": 2}
    large = verify(scans, extensions=[".npy"], max_pixels=98, progress=False)
    assert "absurd-size" in {each.kind for each in large.findings if each.name == "a/good.npy"}


def test_without_it_arrays_are_passed_over(scans):
    report = verify(scans, progress=False)
    assert report.folders[0].passed_over == {".npy": 3}


def test_the_command(scans):
    result = CliRunner().invoke(command, ["--extensions", ".npy, tif", "--json", str(scans)])
    assert result.exit_code == 1
    assert "a/pickled.npy" in result.output
    result = CliRunner().invoke(command, ["--extensions", ".psd", str(scans)])
    assert result.exit_code == 2
    assert "no reader knows" in result.output
