"""The guide's steps run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catdog_models import build_model

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
