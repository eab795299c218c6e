"""The doctor measures every stage, and advises what the numbers say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner
from conftest import save_picture

from catdog_data import Augmentation
from catdog_data.cli import main
from catdog_data.doctor.diagnosis import DISK, Diagnosis, Files, Machine, Stage
from catdog_data.doctor.measure import _free_cores, diagnose

MOVING = Augmentation(rotation=30, horizontal_flip=True)
SHORT = {"image_size": (32, 32), "batch_size": 8, "seconds": 0.05}


def stage(name, cpu_ms, cores=2):
    return Stage(name, 1000 * cores / cpu_ms, cpu_ms)


def diagnosis(read=0.05, decode=0.2, resize=0.1, warp=0.0, pipeline=None, **changes):
    """Make one of a machine of two cores on which all is as fast as it should be."""
    times = {"read": read, "decode": decode, "resize": resize, "batch": 0.05}
    times |= {"warp": warp} if warp else {}
    values = {
        "stages": tuple(stage(name, cpu_ms) for name, cpu_ms in times.items()),
        "pipeline": pipeline or stage("pipeline", 1.02 * sum(times.values())),
        "files": Files(1000, 40e3, (300.0, 400.0)),
        "machine": Machine(cores=2, processors=2, memory=16e9, disk=100e9, free_cores=2.0),
        "image_size": (224, 224),
        "batch_size": 32,
        "augmentation": MOVING,
    }
    return Diagnosis(**{**values, **changes})


def test_the_roofline_is_what_all_cores_manage():
    found = diagnosis(read=0.1, decode=0.6, resize=0.2, warp=0.05)
    assert found.cpu_ms == pytest.approx(1.0)
    assert found.roofline == pytest.approx(2000)
    assert found.roofline_of_decoding == pytest.approx(2000 / 0.7)
    assert found.bound_by == "decode"
    assert sum(map(found.share, found.stages)) == pytest.approx(1)
    assert found.stages[0].busy_cores == pytest.approx(2)


def test_nothing_to_change_is_said_too():
    found = diagnosis(read=0.3, decode=0.1, resize=0.1, warp=0.4)
    (advice,) = found.advice
    assert advice.startswith("Nothing stands out: the pipeline reaches 98% of")


def test_large_files_are_to_be_shrunk_once_or_while_decoding():
    large = Files(1000, 3e6, (3000.0, 4000.0))
    advice = diagnosis(decode=25.0, files=large).advice
    assert 'give `decode="fast"`, or resize the files once' in advice[0]
    assert "239 times the pixels" in advice[0]
    png = diagnosis(decode=25.0, files=replace(large, jpeg_share=0.1)).advice
    assert "decode=" not in png[0] and "resize the files once" in png[0]
    assert not any("resize the files" in each for each in diagnosis(decode=25.0).advice)
    cheap = diagnosis(decode=0.1, warp=2.0, files=large).advice
    assert not any("resize the files" in each for each in cheap)


@pytest.mark.parametrize(
    ("memory", "disk", "said"),
    [
        (16e9, 100e9, 'give `cache="memory"`, which takes 1.5 GB of 16.0 GB'),
        (2e9, 100e9, 'give `cache="disk"`, which takes 1.5 GB.'),
        (2e9, 1e9, "a folder on a disk that has 1.5 GB free"),
    ],
)
def test_decoding_every_epoch_is_to_be_cached_where_there_is_room(memory, disk, said):
    files = Files(10_000, 40e3, (300.0, 400.0))
    machine = Machine(2, 2, memory, disk, free_cores=2.0)
    (advice,) = diagnosis(decode=1.0, files=files, machine=machine).advice
    assert said in advice
    assert not any("cache" in each for each in diagnosis(decode=0.1, warp=1.0).advice)


def test_a_cache_of_images_that_are_not_augmented_takes_floats():
    assert diagnosis().cache_size == 1000 * 224 * 224 * 3
    assert diagnosis(augmentation=None).cache_size == 4 * 1000 * 224 * 224 * 3


def test_the_warp_goes_to_a_gpu_that_is_there():
    machine = Machine(2, 2, 16e9, 100e9, gpus=1, free_cores=2.0)
    (advice,) = diagnosis(decode=0.3, warp=1.0, machine=machine).advice
    assert 'augment_on="device"' in advice
    colours = replace(MOVING, brightness=(0.8, 1.2))
    for other in (
        diagnosis(decode=0.3, warp=1.0),
        diagnosis(decode=0.3, warp=1.0, machine=machine, augmentation=colours),
        diagnosis(decode=3.0, warp=1.0, machine=machine),
    ):
        assert not any("device" in each for each in other.advice)


def test_a_slow_disk_bounds_and_is_distinguished_from_costly_reading():
    slow = diagnosis(decode=1.0)
    slow = replace(slow, stages=(Stage("read", 100.0, 0.05), *slow.stages[1:]))
    assert slow.bound_by == DISK
    assert "the first epoch waits for the disk" in slow.advice[0]
    full = replace(slow, machine=replace(slow.machine, memory=40e6))
    assert "100 images/s (4 MB/s)" in full.advice[0]
    assert "catdog_data.unpack" in full.advice[0]
    assert diagnosis(read=5.0).bound_by == "read"
    # Slower than the cores could read, but faster than they can do the rest.
    fast = replace(slow, stages=(Stage("read", 5000.0, 0.05), *slow.stages[1:]))
    assert fast.bound_by == "decode"


def test_a_pipeline_far_below_the_roofline_says_why():
    def advice(pipeline, **machine):
        found = diagnosis(read=0.5, decode=0.2, warp=0.3, pipeline=pipeline)
        return replace(found, machine=replace(found.machine, **machine)).advice[-1]

    slow = Stage("pipeline", 800.0, 1.2)
    assert "other processes left it about 0.9 of 2 cores" in advice(slow, free_cores=0.9)
    assert "kept 1.0 of 2 cores busy" in advice(slow, free_cores=2.0)
    assert "kept 1.0 of 2 cores busy" in advice(slow, free_cores=None)
    assert "as colours" in advice(Stage("pipeline", 800.0, 2.4))
    assert "Nothing stands out" in advice(Stage("pipeline", 1600.0, 1.2))
    fine = advice(Stage("pipeline", 1600.0, 1.2), processors=64)
    assert "may use 2 of 64 processors" in fine


def test_cores_are_free_that_nobody_else_keeps_busy():
    assert _free_cores(None, None, 1.0, 1.0) is None
    assert _free_cores(10.0, 11.0, 1.0, 1.0) >= 1  # all of it was ours
    assert _free_cores(10.0, 10_000.0, 1.0, 1.0) == 0


def test_the_report_is_a_table_of_short_lines():
    found = diagnosis(read=0.5, decode=1.0, files=Files(1, 3e6, (3000.0, 4000.0)))
    lines = found.report().splitlines()
    assert str(found) == found.report()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("1 file, 3,000.0 kB and 3000 x 4000 pixels")
    assert "decode           2,000         1.000     61%" in lines
    assert any(line.startswith("roofline") for line in lines)
    assert [line for line in lines if line.startswith("- ")]


def test_real_files_are_measured(photos):
    found = diagnose(photos, **SHORT, augmentation=MOVING)
    assert [each.name for each in found.stages] == ["read", "decode", "resize", "batch", "warp"]
    assert found.pipeline.name == "pipeline"
    for each in (*found.stages, found.pipeline):
        assert each.images_per_second > 0
        assert each.cpu_ms > 0
    assert found.files.count == 19
    assert 15 < found.files.source_size[0] < 60
    assert 0.9 < found.files.jpeg_share < 1
    assert 1 <= found.machine.cores <= found.machine.processors
    assert 0 < found.roofline < found.roofline_of_decoding
    assert found.advice and "pipeline" in str(found)


def test_without_augmentation_nothing_is_warped(tmp_path):
    for i in range(3):
        save_picture(tmp_path / "kept" / f"{i}.jpg", (60, 40), i)
    data = tmp_path / "data"
    data.mkdir()
    (data / "cats").symlink_to(tmp_path / "kept")
    found = diagnose(data, **SHORT)
    assert [each.name for each in found.stages] == ["read", "decode", "resize", "batch"]
    assert found.files.count == 3
    assert found.files.source_size == (40, 60)


def test_what_cannot_be_measured_is_named(tmp_path, photos):
    with pytest.raises(FileNotFoundError, match=r"`directory` must exist; .*nowhere"):
        diagnose(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"`directory` must hold an image"):
        diagnose(tmp_path)
    with pytest.raises(ValueError, match=r"`batch_size` must be .* received 0\. Give"):
        diagnose(photos, batch_size=0)
    with pytest.raises(ValueError, match=r"`seconds` must be .* received 0\. Give"):
        diagnose(photos, seconds=0)
    with pytest.raises(ValueError, match="image_size"):
        diagnose(photos, image_size=(0, 3))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(OSError, match=r"broken\.jpg' cannot be decoded as an image .*Remove it"):
        diagnose(tmp_path, **SHORT)
    result = CliRunner().invoke(main, ["doctor", str(tmp_path)])
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith(f"Error: '{broken}' cannot be decoded")
    assert "Traceback" not in result.output
    broken.unlink()
    broken.symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(OSError, match=r"must be readable.*broken\.jpg"):
        diagnose(tmp_path, **SHORT)


def test_the_command_line(photos):
    result = CliRunner().invoke(
        main, ["doctor", str(photos), "--seconds", "0.05", "--augment", "--image-size", "20"]
    )
    assert result.exit_code == 0, result.output
    for word in ("read", "decode", "warp", "pipeline", "roofline", "Bound by"):
        assert word in result.output
    refused = CliRunner().invoke(main, ["doctor", str(photos), "--seconds", "0"])
    assert refused.exit_code == 2
