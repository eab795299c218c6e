import keras
import numpy as np
import pytest

from catdog_models import build_transfer_model
from catdog_models.networks import transfer

# Their preprocessing differs: to [-1, 1], and to BGR with means taken off.
BACKBONES = {"MobileNet": keras.applications.mobilenet, "VGG16": keras.applications.vgg16}


def _settle(backbone):
    """Give batch normalisation statistics for which features do not vanish."""
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    backbone(np.random.default_rng(1).uniform(-1, 1, (16, 32, 32, 3)), training=True)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_output_is_that_of_the_backbone_with_its_own_preprocessing(backbone, tmp_path):
    reference = getattr(keras.applications, backbone)(
        include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg"
    )
    _settle(reference)
    path = tmp_path / "body.weights.h5"
    reference.save_weights(path)
    model = build_transfer_model(backbone, (32, 32), 3, weights=path)
    images = np.random.default_rng(0).uniform(0, 1, (4, 32, 32, 3)).astype("f")
    features = np.asarray(reference(BACKBONES[backbone].preprocess_input(images * 255.0)))
    assert features.std(0).max() > 1e-2
    kernel, bias = model.layers[-1].get_weights()
    logits = features @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(np.asarray(model(images)), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("classes", "units"), [(2, 1), (3, 3)])
def test_output_shape(classes, units):
    assert build_transfer_model("MobileNet", (32, 40), classes).output_shape == (None, units)


@pytest.mark.parametrize("trainable", [False, True])
def test_the_backbone_is_trained_only_if_asked(trainable):
    model = build_transfer_model("MobileNet", (32, 32), trainable=trainable)
    assert (len(model.trainable_variables) > 2) == trainable


@pytest.mark.slow
def test_training_leaves_a_frozen_backbone_as_it_was():
    keras.utils.set_random_seed(0)
    model = build_transfer_model("VGG16", (32, 32))
    body = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    before, head = body.get_weights(), model.layers[-1].get_weights()
    images = np.random.default_rng(0).uniform(0, 1, (4, 32, 32, 3)).astype("f")
    model.train_on_batch(images, np.array([[0.0], [1.0], [0.0], [1.0]]))
    for ours, theirs in zip(body.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(model.layers[-1].get_weights()[0], head[0])


def test_what_is_saved_is_loaded(tmp_path):
    model = build_transfer_model("MobileNet", (32, 32))
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(0, 1, (2, 32, 32, 3)).astype("f")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(loaded(images)), np.asarray(model(images)), rtol=1e-5)


def test_missing_and_wrong_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5', which is no file"):
        build_transfer_model("MobileNet", (32, 32), weights=tmp_path / "nowhere.h5")
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(ValueError, match=r"those of MobileNet without its top.*other\.weights\.h5"):
        build_transfer_model("MobileNet", (32, 32), weights=tmp_path / "other.weights.h5")
    (tmp_path / "text.h5").write_text("no weights")
    with pytest.raises(ValueError, match=r"those of MobileNet without its top.*text\.h5"):
        build_transfer_model("MobileNet", (32, 32), weights=tmp_path / "text.h5")


def test_weights_that_cannot_be_fetched(monkeypatch):
    def offline(**_):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(transfer, "_backbone", lambda name: (offline, lambda images: images))
    with pytest.raises(OSError, match=r"of MobileNet cannot be fetched: URL fetch failure.*path"):
        build_transfer_model("MobileNet", (32, 32), weights="imagenet")


@pytest.mark.parametrize("name", ["MobileNet9", "mobilenet", "", None])
def test_unknown_backbones(name):
    with pytest.raises(ValueError, match=r"one of keras\.applications: .*MobileNetV2"):
        build_transfer_model(name, (32, 32))


def test_small_images():
    with pytest.raises(ValueError, match="image_size must be at least 32 pixels"):
        build_transfer_model("MobileNet", (31, 32))
    with pytest.raises(ValueError, match="75"):  # the backbone's own rule
        build_transfer_model("InceptionV3", (32, 32))
