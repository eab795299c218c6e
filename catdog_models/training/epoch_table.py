"""`history.csv`: one row for each epoch of a run, over all its sittings."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from catdog_data.system.atomic_files import write_atomically

Row = Mapping[str, float]


def read_epochs(path: Path) -> list[dict[str, float]]:
    """Read what `write_epochs` wrote.

    Args:
        path: the file; absent before the first epoch has ended.

    Returns:
        One row per epoch, metric to value; NaN where it was not measured.

    Raises:
        ValueError: the file is something else.

    Example:
        >>> read_epochs(Path("no such file"))
        []
    """
    if not path.exists():
        return []
    with path.open(newline="") as file:
        table = list(csv.DictReader(file))
    try:
        rows = [{name: float(value or "nan") for name, value in row.items()} for row in table]
        numbers = [row.pop("epoch") for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{path} must have a row of numbers for each epoch, and a column 'epoch'. Received: "
            f"{error}. Start over in another folder, or restore the file."
        ) from error
    if numbers != list(range(1, len(rows) + 1)):
        raise ValueError(
            f"{path} must have the epochs 1, 2, ... in order. Received: {numbers}. Start over in "
            "another folder, or restore the file."
        )
    return rows


def write_epochs(rows: Sequence[Row], path: Path) -> None:
    """Write one row per epoch, whole or not at all: its number from 1, then each metric.

    Args:
        rows: metric to value, by epoch; a metric that an epoch lacks, or NaN, is left empty.
        path: the file; its folder must exist.

    Raises:
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "history.csv")
        ...     write_epochs([{"loss": 0.75}, {"loss": 0.5}], path)
        ...     read_epochs(path)
        [{'loss': 0.75}, {'loss': 0.5}]
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *names])
    for epoch, row in enumerate(rows, 1):
        values = (row.get(name, math.nan) for name in names)
        # repr() of a float is read back as the same float.
        writer.writerow([epoch, *("" if math.isnan(x) else repr(float(x)) for x in values)])
    write_atomically(path, text.getvalue().encode())


def columns(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Turn rows of epochs into columns, as `plot_history` takes them.

    Args:
        rows: metric to value, by epoch.

    Returns:
        Metric to one number per epoch; NaN where an epoch lacks the metric.

    Example:
        >>> columns([{"loss": 0.75}, {"loss": 0.5, "val_loss": 0.25}])
        {'loss': [0.75, 0.5], 'val_loss': [nan, 0.25]}
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name, math.nan) for row in rows] for name in names}
