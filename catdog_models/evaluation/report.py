"""`report.md`: what was trained, on what, how well it does, and how long it took."""

import math
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from statistics import median
from typing import TYPE_CHECKING, Any

from catdog_data.system.atomic_files import write_atomically
from catdog_data.system.renamed import renamed
from catdog_models.evaluation import markdown

if TYPE_CHECKING:
    from catdog_models.evaluation.evaluation import Evaluation

_NAMED_FILES = 10
_SOFTWARE = ("catdog", "tensorflow", "keras", "numpy")
METRICS = (
    ("val_accuracy", "validation accuracy"),
    ("val_loss", "validation loss"),
    ("accuracy", "training accuracy"),
    ("loss", "training loss"),
)
"""What is reported of an epoch: the names of Keras, and those for people."""

__getattr__ = renamed(__name__, {"Run": "RunSummary"})


def software_versions() -> dict[str, str]:
    """Name the versions of Python and of the packages that results depend on.

    Returns:
        Name to version; packages that are not installed under their usual name are left out.

    Example:
        >>> "numpy" in software_versions()
        True
    """
    versions = {"python": platform.python_version()}
    for name in _SOFTWARE:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # run from its sources, or a variant such as -cpu
            continue
    return versions


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """All that a report says of a run, except the evaluation of its model.

    Args:
        name: what it is called, such as its recipe.
        class_names: K names by class number.
        images: how many there were by subset ("training", "validation"): in all, or of each class.
        history: metric to one number per epoch, NaN where it was not measured, with the names of
            Keras; "images_per_second" and "input_wait" are those of `catdog_data.InputWait`.
        recipe: how it was trained: names to plain values, nested or not.
        settings: what else belongs to it, such as seed, precision and device.
        command: the command line that made it, or "".
        versions: name to version of the software.
        evaluated: the file of the model that is kept.
        files: names of the validation images, by their index in the evaluation; or none.
        images_per_epoch: how many training images an epoch has, where these are not all, once each.

    Raises:
        ValueError: `history` has no epochs.

    Example:
        >>> history = {"loss": [0.7, 0.5, 0.4], "val_accuracy": [0.6, 0.9, 0.8]}
        >>> images = {"training": 800, "validation": 200}
        >>> run = RunSummary(
        ...     name="demo", class_names=("cats", "dogs"), images=images, history=history
        ... )
        >>> run.epochs, run.best_epoch
        (3, 2)
    """

    name: str
    class_names: Sequence[str]
    images: Mapping[str, int | Sequence[int]]
    history: Mapping[str, Sequence[float]]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=software_versions)
    evaluated: str = "best.keras"
    files: Sequence[str] = ()
    images_per_epoch: int | None = None

    def __post_init__(self) -> None:
        if not self.history.get("loss"):
            raise ValueError(
                '`history` must have a "loss" for at least one epoch. '
                f"Received keys: {sorted(self.history)}"
            )

    @property
    def epochs(self) -> int:
        """How many epochs were trained."""
        return len(self.history["loss"])

    @property
    def best_epoch(self) -> int:
        """The epoch of the highest validation accuracy, of equals that of the lowest loss, from 1.

        Where nothing was validated, the last one.
        """
        accuracy = self.history.get("val_accuracy")
        if not accuracy or all(map(math.isnan, accuracy)):
            return self.epochs
        loss = self.history.get("val_loss", [0.0] * self.epochs)
        known = [i for i in range(self.epochs) if not math.isnan(accuracy[i])]
        return max(known, key=lambda i: (accuracy[i], -loss[i])) + 1

    def typical(self, name: str) -> float | None:
        """Return the median of a metric over all epochs but the first, which compiles the model.

        Returns:
            The median; None where it was not measured.

        Example:
            >>> history = {"loss": [0.7, 0.5, 0.4], "images_per_second": [9.0, 80.0, 90.0]}
            >>> run = RunSummary(name="demo", class_names=("a", "b"), images={}, history=history)
            >>> run.typical("images_per_second")
            85.0
        """
        known = [value for value in self.history.get(name, ())[1:] if not math.isnan(value)]
        return median(known) if known else None


def write_report(
    run: RunSummary,
    evaluation: "Evaluation",
    path: str | os.PathLike[str],
    pictures: Mapping[str, str] | None = None,
) -> None:
    """Write a report as Markdown, whole or not at all.

    Args:
        run: what was trained, and how.
        evaluation: of the model that is kept, on the validation images.
        path: the file; its folder must exist.
        pictures: the files of "curves", "confusion" and "wrong", from the folder of the report;
            those that are missing are left out.

    Raises:
        OSError: the file cannot be written.
        ValueError: the run does not name as many classes as the model has.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from catdog_models.evaluation.evaluation import Evaluation, Wrong
        >>> images = {"training": 8, "validation": 2}
        >>> run = RunSummary(
        ...     name="demo", class_names=("cats", "dogs"), images=images, history={"loss": [0.7]}
        ... )
        >>> probabilities = np.array([[0.9, 0.1], [0.4, 0.6]], "float32")
        >>> none = Wrong(np.zeros(0, "int64"), np.zeros((0, 8, 8, 3)))
        >>> evaluation = Evaluation(probabilities, np.array([0, 1]), np.arange(2), none)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(run, evaluation, f"{folder}/report.md")
        ...     print(Path(folder, "report.md").read_text().splitlines()[0])
        # demo: 100.0% validation accuracy
    """
    write_atomically(path, (as_markdown(run, evaluation, pictures or {}) + "\n").encode())


def as_markdown(run: RunSummary, evaluation: "Evaluation", pictures: Mapping[str, str]) -> str:
    """Return a report as Markdown (GitHub's, with tables).

    Args:
        run: what was trained, and how.
        evaluation: of the model that is kept, on the validation images.
        pictures: the files of "curves", "confusion" and "wrong", from the folder of the report.

    Returns:
        The text of the report.

    Raises:
        ValueError: the run does not name as many classes as the model has.

    Example:
        >>> import numpy as np
        >>> from catdog_models.evaluation.evaluation import Evaluation, Wrong
        >>> images = {"training": 8, "validation": 2}
        >>> run = RunSummary(
        ...     name="demo", class_names=("cats", "dogs"), images=images, history={"loss": [0.7]}
        ... )
        >>> probabilities = np.array([[0.9, 0.1], [0.4, 0.6]], "float32")
        >>> none = Wrong(np.zeros(0, "int64"), np.zeros((0, 8, 8, 3)))
        >>> evaluation = Evaluation(probabilities, np.array([0, 1]), np.arange(2), none)
        >>> print(as_markdown(run, evaluation, {}).splitlines()[0])
        # demo: 100.0% validation accuracy
    """
    classes = evaluation.probabilities.shape[1]
    if len(run.class_names) != classes:
        raise ValueError(
            f"`class_names` must be one name for each of {classes} classes. "
            f"Received: {run.class_names!r}"
        )
    shown = {name: [markdown.image(name, file)] for name, file in pictures.items()}
    parts = [
        f"# {markdown.text(run.name)}: {as_percent(evaluation.accuracy)} validation accuracy",
        f"{markdown.text(run.evaluated)}, {len(run.class_names)} classes: accuracy "
        f"{as_percent(evaluation.accuracy)}, cross-entropy {evaluation.loss:.4f} on "
        f"{len(evaluation.labels):,} validation images.",
        "## Result",
        _epochs_table(run),
        *shown.get("curves", []),
        _classes_table(run, evaluation),
        *shown.get("confusion", []),
        "## Most confidently wrong",
        *_wrong(run, evaluation, shown.get("wrong", [])),
        "## Speed",
        _speed(run),
        "## Data",
        _data_table(run),
        *how_it_was_made(run),
    ]
    return "\n\n".join(parts)


def how_it_was_made(run: RunSummary) -> list[str]:
    """Return the sections on the recipe and the run, as Markdown.

    Example:
        >>> run = RunSummary(
        ...     name="demo", class_names=("a", "b"), images={}, history={"loss": [0.7]}
        ... )
        >>> how_it_was_made(run)[0]
        '## Recipe'
    """
    settings = {**run.settings, **run.versions}
    return [
        "## Recipe",
        markdown.table(("setting", "value"), [(k, _value(v)) for k, v in _leaves(run.recipe)]),
        "## Run",
        *([markdown.code(run.command)] if run.command else []),
        markdown.table(
            ("setting", "value"),
            [(k, _value(v)) for k, v in _leaves(settings)],
        ),
    ]


def _epochs_table(run: RunSummary) -> str:
    best, last = run.best_epoch, run.epochs
    rows = [
        (name, *(_number(run.history[key][epoch - 1]) for epoch in (best, last)))
        for key, name in METRICS
        if key in run.history
    ]
    header = ("", f"best epoch ({best} of {last}):", f"last epoch ({last}):")
    return markdown.table(header, rows)


def _classes_table(run: RunSummary, evaluation: "Evaluation") -> str:
    confusion = evaluation.confusion
    accuracy = evaluation.accuracy_by_class
    rows = [
        (name, f"{of_class.sum():,}", f"{of_class[number]:,}", as_percent(accuracy[number]))
        for number, (name, of_class) in enumerate(zip(run.class_names, confusion, strict=True))
    ]
    return markdown.table(("class", "validation images:", "right:", "accuracy:"), rows)


def _wrong(run: RunSummary, evaluation: "Evaluation", picture: list[str]) -> Iterator[str]:
    count = int((evaluation.predictions != evaluation.labels).sum())
    yield f"{count:,} of {len(evaluation.labels):,} validation images are taken for another class."
    if not count:
        return
    yield from picture
    if not run.files:
        return
    rows = [
        (
            run.files[evaluation.index[row]],
            run.class_names[evaluation.labels[row]],
            run.class_names[evaluation.predictions[row]],
            as_percent(evaluation.confidence[row]),
        )
        for row in evaluation.wrong.rows[:_NAMED_FILES]
    ]
    yield markdown.table(("file", "is", "taken for", "probability:"), rows)


def _speed(run: RunSummary) -> str:
    rate, wait = run.typical("images_per_second"), run.typical("input_wait")
    trained = run.images_per_epoch or _total(run.images.get("training", 0))
    rows = []
    if rate:
        rows.append(("images per second", f"{rate:,.0f}"))
        if trained:
            rows.append(("time per epoch, without validation", f"{trained / rate:,.1f} s"))
    if wait is not None:
        rows.append(("share of time waiting for input", as_percent(wait)))
    if not rows:
        return "Not measured: it takes two epochs, the first of which compiles the model."
    return markdown.table(("training, median of all epochs but the first", "value:"), rows)


def _data_table(run: RunSummary) -> str:
    by_class = [each for each in run.images.values() if not isinstance(each, int)]
    rows: list[Sequence[object]] = []
    if by_class:
        for number, name in enumerate(run.class_names):
            of_class = (
                "" if isinstance(each, int) else f"{each[number]:,}" for each in run.images.values()
            )
            rows.append((name, *of_class))
    rows.append(("all", *(f"{_total(each):,}" for each in run.images.values())))
    names = "" if by_class else f"Classes: {', '.join(map(markdown.text, run.class_names))}.\n\n"
    return names + markdown.table(("class", *(f"{each} images:" for each in run.images)), rows)


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, each in value.items():
        if isinstance(each, Mapping):
            yield from _leaves(each, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", each


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _total(images: int | Sequence[int]) -> int:
    return images if isinstance(images, int) else sum(images)


def as_percent(share: float) -> str:
    """Write a share for people.

    Example:
        >>> as_percent(0.125), as_percent(math.nan)
        ('12.5%', 'unknown')
    """
    return "unknown" if math.isnan(share) else f"{share:.1%}"


def _number(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.4f}"
