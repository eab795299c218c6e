"""Where a message of Keras has words that scripts match on, ours for the same mistake has them."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
import pytest
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator

from catdog_data import ImageDataGenerator, image_dataset_from_directory


def assert_both_say(phrase, calls):
    refusals = []
    for call in calls:
        with pytest.raises((ValueError, TypeError)) as refused:
            call()
        refusals.append((type(refused.value), phrase in str(refused.value), str(refused.value)))
    (error, has_phrase, _), (our_error, ours_has_phrase, said) = refusals
    assert has_phrase, "not a phrase of the installed Keras"
    assert (our_error, ours_has_phrase) == (error, True), said


@pytest.mark.parametrize(
    ("phrase", "options"),
    [
        ("No images found", {"labels": None}),
        ("No images found", {"class_names": ["empty"]}),
        ("`labels` argument should be", {"labels": "names"}),
        ("match the number of files", {"labels": [0, 1]}),
        ("You can only pass `class_names` if", {"labels": [0] * 19, "class_names": ["cats"]}),
        ("did not match the names of the subdirectories of", {"class_names": ["birds"]}),
        ("`validation_split` must be between 0 and 1", {"validation_split": 2, "subset": "both"}),
        ("If `subset` is set, `validation_split` must be set", {"subset": "training"}),
        ("If `subset` is set, `validation_split` must be set", {"validation_split": 0.2}),
        ("`subset` must be either", {"validation_split": 0.2, "subset": "test"}),
        (
            "you must provide a `seed` argument",
            {"validation_split": 0.2, "subset": "training"},
        ),
        ("exactly 2 class", {"label_mode": "binary", "class_names": ["cats"]}),
        ("`color_mode` must be one of", {"color_mode": "cmyk"}),
        (
            "Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`",
            {"pad_to_aspect_ratio": True, "crop_to_aspect_ratio": True},
        ),
    ],
    ids=str,
)
def test_of_the_dataset(photos, tmp_path, phrase, options):
    (tmp_path / "empty").mkdir()
    folder = tmp_path if phrase == "No images found" else photos
    functions = (keras.utils.image_dataset_from_directory, image_dataset_from_directory)
    assert_both_say(phrase, [lambda make=make: make(folder, **options) for make in functions])


IMAGES = np.zeros((6, 4, 4, 3))


def of_directory(**flow):
    return lambda generator, photos: generator.flow_from_directory(photos, **flow)


def of_array(*arrays, **flow):
    return lambda generator, photos: generator.flow(*arrays, **flow)


def of_frame(values, **flow):
    frame = pd.DataFrame({"filename": ["cats/cat.0.jpg", "cats/cat.1.jpg"], "class": values})
    return lambda generator, photos: generator.flow_from_dataframe(frame, photos, **flow)


@pytest.mark.parametrize(
    ("phrase", "make"),
    [
        ("Invalid class_mode: other; expected one of", of_directory(class_mode="other")),
        ("Invalid subset name: test", of_directory(subset="test")),
        ("Invalid color mode: cmyk", of_directory(color_mode="cmyk")),
        ("should have the same length", of_array(IMAGES, np.zeros(5))),
        ("should have the same length", of_array(IMAGES, sample_weight=np.zeros(5))),
        ("should have the same length", of_array((IMAGES, np.zeros(5)))),
        ("should have rank 4", of_array(IMAGES[0])),
        ("different number of classes", of_array(IMAGES, np.arange(6), subset="training")),
        ("Invalid class_mode: other2; expected one of", of_frame("ab", class_mode="other2")),
        ("y_col must be a list", of_frame("ab", class_mode="multi_output")),
        ("must be strings", of_frame([0, 1], class_mode="binary")),
        ("there must be 2 classes", of_frame("aa", class_mode="binary")),
        ("must be type string, list or tuple", of_frame([0, 1])),
        ("must be numeric", of_frame("ab", weight_col="class")),
        ("but the Sequence has length 3", lambda generator, _: generator.flow(IMAGES, None, 2)[9]),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_of_the_generator(photos, phrase, make):
    generators = (KerasGenerator(validation_split=0.5), ImageDataGenerator(validation_split=0.5))
    assert_both_say(phrase, [lambda each=each: make(each, photos) for each in generators])


def test_weights_beside_weights(photos):
    """`fit` with weights of classes and of images."""

    def fit(class_):
        model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
        model.compile("sgd", "mse")
        flow = class_().flow(IMAGES, np.zeros((6, 48)), sample_weight=np.ones(6))
        model.fit(flow, class_weight={0: 1.0}, verbose=0)

    calls = [lambda: fit(KerasGenerator), lambda: fit(ImageDataGenerator)]
    assert_both_say("You cannot specify `class_weight` and `sample_weight` at the same time", calls)
