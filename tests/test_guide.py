"""The guide's steps run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catdog_models import build_model

TRAINING = Path(__file__).parents[1] / "docs" / "training.md"
GUIDE = Path(__file__).parents[1] / "docs" / "from_image_data_generator.md"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_five_steps(photos, capsys):
    steps = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    # Behind the five: pairs and views, images of their own size, labels.
    assert len(steps) == 5 + 4
    names = {"train_dir": str(photos), "build_model": build_model}
    for step in steps:
        exec(compile(step, str(GUIDE), "exec"), names)
    printed = capsys.readouterr().out
    assert "Augmentation(horizontal_flip=True, rotation=30, shear=0.15, zoom=(0.7, 1.3))" in printed
    assert "Using" in printed


@pytest.mark.slow
def test_folds_in_a_script(photos):
    """The example of folds of a data frame, on the photos; every file is validated once."""
    import pandas as pd

    steps = re.findall(r"```python\n(.*?)```", TRAINING.read_text(encoding="utf-8"), re.DOTALL)
    (step,) = [each for each in steps if "fold=(i, 3)" in each]
    files = sorted(path.relative_to(photos).as_posix() for path in photos.glob("*/*.*"))
    classes = [name.split("/")[0] for name in files]
    frame = pd.DataFrame({"filename": files, "class": classes})
    names = {"frame": frame, "directory": str(photos)}
    exec(compile(step, str(TRAINING), "exec"), names)
    assert len(names["accuracies"]) == 3
    assert all(0 <= accuracy <= 1 for accuracy in names["accuracies"])
