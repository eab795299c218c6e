"""Names that were documented keep working, and say what they are called now."""

import importlib
import sys

import pytest

import catdog_data
import catdog_models


@pytest.mark.parametrize(
    ("old", "name", "new"),
    [
        ("catdog_models.recipes", "RECIPES", "catdog_models.training.recipes"),
        ("catdog_models.run_report", "report_run", "catdog_models.evaluation.run_report"),
    ],
)
def test_an_old_module_warns_and_has_the_same(old, name, new):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"`{old}` is `{new}` now"):
        module = importlib.import_module(old)
    assert getattr(module, name) is getattr(importlib.import_module(new), name)


def test_layers_and_reports_have_names_of_their_own():
    from catdog_data.layers import AugmentAndRescale
    from catdog_data.training import augment_layer
    from catdog_models.evaluation import run_report

    assert AugmentAndRescale is augment_layer.AugmentAndRescale
    assert catdog_models.report_run is run_report.report_run


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("catdog_models.evaluation.report", "Run", "RunSummary"),
        ("catdog_models.training.progress", "Progress", "TrainingProgress"),
        ("catdog_models.training.results", "Results", "EpochResults"),
        ("catdog_models.training.input_spec", "beside", "input_spec_path"),
    ],
)
def test_an_old_name_warns_and_is_the_same(module, old, new):
    home = importlib.import_module(module)
    with pytest.warns(DeprecationWarning, match=f"`{module}.{old}` is `{module}.{new}` now"):
        found = getattr(home, old)
    assert found is getattr(home, new)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        getattr(home, "Nothing")  # noqa: B009 (looked up for its error)


def test_old_attributes_of_an_augmentation_warn_and_say_the_same():
    turning = catdog_data.Augmentation(rotation=10)
    with pytest.warns(DeprecationWarning, match="Augmentation.is_set"):
        assert turning.draws("rotation")
    with pytest.warns(DeprecationWarning, match="moves_alone"):
        assert turning.moves_alone
    for more in ({"hue": 0.1}, {"blur": (0, 1)}, {"erasing": 0.1}, {"mixup": 0.1}):
        with pytest.warns(DeprecationWarning, match="moves_alone"):
            assert not catdog_data.Augmentation(rotation=10, **more).moves_alone
