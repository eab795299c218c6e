"""`image_dataset_from_tfds` beside `image_dataset_from_directory` on the same files."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from corrupt_files import break_inside

from catdog_data import Augmentation, image_dataset_from_directory
from catdog_data.datasets.tfds import image_dataset_from_tfds

RECIPE = Augmentation(horizontal_flip=True, rotation=30, zoom=(0.7, 1.3), brightness=(0.8, 1.2))
FLOW = {"image_size": (14, 12), "batch_size": 4, "seed": 5}
FORMATS = ("array_record", "tfrecord")
pytestmark = pytest.mark.slow


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r"pip install catdog\[tfds\]"):
        image_dataset_from_tfds("cats_vs_dogs", "train")


@pytest.fixture(scope="module")
def tfds():
    return pytest.importorskip("tensorflow_datasets")


@pytest.fixture(scope="module")
def paths(photos):
    return image_dataset_from_directory(photos, shuffle=False, verbose=False).file_paths


@pytest.fixture(scope="module")
def few_cats(tfds, paths):
    """Make a builder like that of cats_vs_dogs, which keeps the order of a directory."""

    class FewCats(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        code_path = None  # nothing is stored beside this file

        def _info(self):
            features = {
                "image": tfds.features.Image(),
                "mask": tfds.features.Image(shape=(None, None, 1)),
                "image/filename": tfds.features.Text(),
                "label": tfds.features.ClassLabel(names=["cats", "dogs"]),
                "box": tfds.features.BBoxFeature(),
                "tags": tfds.features.Sequence(tfds.features.Text()),
            }
            features = tfds.features.FeaturesDict(features)
            return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

        def _split_generators(self, _):
            return {"train": self._generate_examples(paths)}

        def _generate_examples(self, names):
            for i, path in enumerate(names):
                yield (
                    i,
                    {
                        "image": path,
                        "mask": np.full((2, 3, 1), i, "uint8"),
                        "image/filename": path,
                        "label": path.split("/")[-2],
                        "box": tfds.features.BBox(0.0, i / 32, 0.5, 1.0),
                        "tags": ["x"] * (i % 3),
                    },
                )

    return FewCats


@pytest.fixture(scope="module")
def with_a_broken_cat(few_cats, paths, photos, tmp_path_factory):
    copies = tmp_path_factory.mktemp("copies") / "photos"
    shutil.copytree(photos, copies)
    names = [path.replace(str(photos), str(copies)) for path in paths]
    break_inside(Path(names[4]))

    class WithABrokenCat(few_cats):
        def _split_generators(self, _):
            return {"train": self._generate_examples(names)}

    return WithABrokenCat


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.filterwarnings("ignore:`on_error=:UserWarning")
def test_broken_records_are_worked_around(
    with_a_broken_cat, photos, tmp_path, monkeypatch, file_format
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    broken = with_a_broken_cat(data_dir=tmp_path / "tfds", file_format=file_format)
    broken.download_and_prepare()
    one = {"image_size": (14, 12), "batch_size": None, "shuffle": False}
    whole = list(image_dataset_from_directory(photos, verbose=False, **one))
    for mode in ("skip", "replace"):
        dataset = image_dataset_from_tfds(broken, "train", return_index=True, on_error=mode, **one)
        expected = [*whole[:4], *([whole[3]] if mode == "replace" else []), *whole[5:]]
        for i, (element, reference) in enumerate(zip(dataset, expected, strict=True)):
            np.testing.assert_array_equal(element[0], reference[0])
            assert (int(element[1]), int(element[2])) == (int(reference[1]), i)
        (report,) = dataset.report()
        assert report.path.endswith(" 000000004")


@pytest.fixture(scope="module", params=FORMATS)
def builder(request, few_cats, tmp_path_factory):
    made = few_cats(data_dir=tmp_path_factory.mktemp("tfds"), file_format=request.param)
    made.download_and_prepare()
    return made


def of_tfds(builder, **options):
    return image_dataset_from_tfds(builder, **{"split": "train", **FLOW, **options})


def assert_same(expected, got):
    assert got.class_names == expected.class_names
    assert got.cardinality() == expected.cardinality()
    for one, other in zip(expected.as_numpy_iterator(), got.as_numpy_iterator(), strict=True):
        for left, right in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
            np.testing.assert_array_equal(right, left)


SAME = [
    {},
    {"batch_size": None, "return_index": True},
    {"color_mode": "grayscale"},
    {"color_mode": "grayscale", "augmentation": Augmentation(rotation=30, vertical_flip=True)},
    {"augmentation": RECIPE},
    {"augmentation": RECIPE, "rescale": 1 / 255, "shard": (1, 2), "output_dtype": "float16"},
    {"label_mode": "int"},
    {"label_mode": "categorical", "augmentation": Augmentation(mixup=0.4)},
    {"interpolation": "nearest"},
    {"interpolation": "nearest", "augmentation": RECIPE},
    {"interpolation": "lanczos3", "output_dtype": "uint8", "antialias": True},
    {"crop_to_aspect_ratio": True},
    {"pad_to_aspect_ratio": True, "image_size": 33},
    {"augment_on": "device", "augmentation": Augmentation(rotation=20)},
]


@pytest.mark.parametrize("options", SAME, ids=str)
def test_the_dataset_is_that_of_a_directory(photos, builder, options):
    # Both in the order of the listing, so that an index is the same image in both.
    flow = {**FLOW, **options, "shuffle": False}
    own = image_dataset_from_directory(photos, **flow, verbose=False)
    assert_same(own, of_tfds(builder, **options, shuffle=False))


def test_every_epoch_has_an_order_of_its_own(photos, builder):
    exact = image_dataset_from_directory(
        photos, **{**FLOW, "batch_size": None}, shuffle=False, verbose=False
    )
    exact = list(exact.as_numpy_iterator())
    dataset = of_tfds(builder, return_index=True)
    assert dataset.element_spec[1] == tf.TensorSpec([None], tf.int64)
    orders = []
    for _ in range(2):
        order = []
        for images, labels, index in dataset.as_numpy_iterator():
            for image, label, i in zip(images, labels, index, strict=True):
                np.testing.assert_array_equal(image, exact[i][0])
                assert label == exact[i][1]
                order.append(int(i))
        assert sorted(order) == list(range(19))
        orders.append(order)
    assert orders[0] != orders[1]


def test_resuming(builder):
    epochs = [
        list(dataset.as_numpy_iterator())
        for dataset in [of_tfds(builder, augmentation=RECIPE)]
        for _ in range(2)
    ]
    for epoch, step in [(0, 3), (1, 0), (1, 4)]:
        resumed = of_tfds(builder, augmentation=RECIPE).resume(epoch, step)
        for one, other in zip(epochs[epoch][step:], resumed.as_numpy_iterator(), strict=True):
            np.testing.assert_array_equal(other[0], one[0])
            np.testing.assert_array_equal(other[1], one[1])


def test_balanced_classes(builder):
    dataset = of_tfds(builder, balance="oversample", return_index=False)
    assert dataset.class_weights() == {0: 19 / 22, 1: 19 / 16}  # eleven cats and eight dogs
    labels = np.concatenate([labels for _, labels in dataset.as_numpy_iterator()])
    assert np.bincount(labels).tolist() == [11, 11]


def test_views(builder):
    viewed = of_tfds(builder, augmentation=RECIPE, views=2)
    for ((one, other), labels), plain in zip(
        viewed, of_tfds(builder, augmentation=RECIPE), strict=True
    ):
        np.testing.assert_array_equal(one, plain[0])
        np.testing.assert_array_equal(labels, plain[1])
        assert (one != other).numpy().any(axis=(1, 2, 3)).all()


def test_images_as_their_labels_in_batches_of_one_size(builder):
    options = {"label_mode": "input", "drop_remainder": True, "balance": "undersample", **FLOW}
    dataset = image_dataset_from_tfds(builder, "train", augmentation=RECIPE, **options)
    assert [spec.shape for spec in dataset.element_spec] == [[4, 14, 12, 3]] * 2
    batches = list(dataset.as_numpy_iterator())
    assert len(batches) == len(dataset) == 4
    for images, labels in batches:
        np.testing.assert_array_equal(images, labels)


def test_images_of_their_own_size(photos, builder):
    options = {**FLOW, "image_size": None, "augmentation": RECIPE, "shuffle": False}
    ours = image_dataset_from_tfds(builder, "train", **options)
    files = image_dataset_from_directory(photos, verbose=False, **options)
    assert len(ours) == len(files) == 5
    for (images, _), (expected, _) in zip(
        ours.as_numpy_iterator(), files.as_numpy_iterator(), strict=True
    ):
        np.testing.assert_array_equal(images, expected)


def test_splits_are_disjoint_and_complete(builder):
    parts = [
        of_tfds(builder, split=split, shuffle=False, batch_size=None)
        for split in ("train[:30%]", "train[30%:]")
    ]
    whole = of_tfds(builder, shuffle=False, batch_size=None)
    assert sum(len(part) for part in parts) == len(whole) == 19
    joined = [element for part in parts for element in part.as_numpy_iterator()]
    for one, other in zip(joined, whole.as_numpy_iterator(), strict=True):
        np.testing.assert_array_equal(other[0], one[0])
        assert other[1] == one[1]


def test_other_labels_and_none(builder):
    boxes = of_tfds(builder, label_key="box", return_index=True)
    assert boxes.class_names is None
    assert boxes.element_spec[1] == tf.TensorSpec([None, 4], tf.float32)
    for _, box, index in boxes.as_numpy_iterator():
        np.testing.assert_array_equal(box[:, 1], index.astype("float32") / 32)
    alone = of_tfds(builder, label_key=None)
    assert alone.element_spec == tf.TensorSpec([None, 14, 12, 3], tf.float32)
    assert sum(len(images) for images in alone) == 19
    masks = of_tfds(builder, image_key="mask", shuffle=False, color_mode="grayscale")
    values = np.concatenate([images[:, 0, 0, 0] for images, _ in masks.as_numpy_iterator()])
    np.testing.assert_array_equal(values, np.arange(19))


REFUSED = {
    "split": [{"split": None}, {"split": ["train"]}],
    "label_key": [{"label_key": "kind"}, {"label_key": "image/filename"}, {"label_key": "tags"}],
    "image_key": [{"image_key": "picture"}, {"image_key": "label"}],
    "label_mode": [
        {"label_mode": "best"},
        {"label_mode": "int", "label_key": "box"},
        {"label_mode": "binary", "label_key": None},
    ],
    "color_mode": [{"color_mode": "bgr"}],
    "interpolation": [{"interpolation": "best"}],
    "image_size": [{"image_size": (0, 4)}],
    "output_dtype": [{"output_dtype": "int8"}],
    "batch_size": [{"batch_size": 0}],
    "`seed`": [{"seed": -1}],
    "augment_on": [
        {"augment_on": "moon"},
        {"augment_on": "device", "rescale": 0.5},
        {"augment_on": "device", "augmentation": RECIPE},
    ],
    "crop_to_aspect_ratio": [{"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}],
}


@pytest.mark.parametrize(
    ("name", "options"), [(name, each) for name, many in REFUSED.items() for each in many], ids=str
)
def test_wrong_values_are_named(builder, name, options):
    with pytest.raises(ValueError, match=name):
        of_tfds(builder, **options)


@pytest.mark.parametrize("given", ["no_such_set", 5, None, ["few_cats"]])
def test_what_is_no_builder_is_named(tfds, given):
    with pytest.raises(ValueError, match=r"^`name_or_builder` must be .*received"):
        image_dataset_from_tfds(given, "train")


@pytest.mark.parametrize("split", [5, None, ["train"], "nope", "train[", ""])
def test_what_is_no_split_is_named(builder, split):
    with pytest.raises(ValueError, match=r"^`split` must be one split.*received"):
        image_dataset_from_tfds(builder, split)


def test_labels_that_are_kept_secret_are_no_classes(tfds, tmp_path):
    class Secret(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        code_path = None  # nothing is stored beside this file

        def _info(self):
            features = {
                "image": tfds.features.Image(),
                "label": tfds.features.ClassLabel(names=["cats", "dogs"]),
            }
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, _):
            return {"test": self._generate_examples()}

        def _generate_examples(self):
            yield 0, {"image": np.zeros((3, 3, 3), "uint8"), "label": -1}

    builder = Secret(data_dir=tmp_path, file_format="array_record")
    builder.download_and_prepare()
    (_, labels), *_ = image_dataset_from_tfds(builder, "test", image_size=4)
    assert labels.numpy().tolist() == [-1]
    for label_mode in ("categorical", "binary"):
        dataset = image_dataset_from_tfds(builder, "test", image_size=4, label_mode=label_mode)
        with pytest.raises(tf.errors.OpError, match=r"label_mode.*image 0 of the split has -1"):
            next(iter(dataset))


@pytest.mark.parametrize("file_format", FORMATS)
def test_data_that_were_not_prepared(few_cats, tmp_path, file_format):
    made = few_cats(data_dir=tmp_path, file_format=file_format)
    with pytest.raises(ValueError, match=r"`name_or_builder`.*few_cats.*download_and_prepare"):
        of_tfds(made)


def test_a_name_is_one_of_tfds(tfds, builder, monkeypatch):
    made = {"few_cats": builder}
    monkeypatch.setattr(tfds, "builder", made.__getitem__)
    assert_same(of_tfds(builder), of_tfds("few_cats"))


def test_a_folder_of_images(tfds, photos, paths, tmp_path):
    (tmp_path / "train").symlink_to(photos)
    builder = tfds.ImageFolder(str(tmp_path))
    names = [
        example["image/filename"].decode().removeprefix(f"{tmp_path}/train/")
        for example in tfds.as_numpy(builder.as_dataset(split="train"))
    ]
    exact = image_dataset_from_directory(
        photos, **{**FLOW, "batch_size": None}, shuffle=False, verbose=False
    )
    expected = dict(
        zip(
            [path.removeprefix(f"{photos}/") for path in paths],
            exact.as_numpy_iterator(),
            strict=True,
        )
    )
    dataset = of_tfds(builder, batch_size=None, shuffle=False)
    assert dataset.class_names == ["cats", "dogs"]
    for name, (image, label) in zip(names, dataset.as_numpy_iterator(), strict=True):
        np.testing.assert_array_equal(image, expected[name][0])
        assert label == expected[name][1]
