import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt

from catdog_models.evaluation import markdown
from catdog_models.evaluation.evaluation import Evaluation, Wrong
from catdog_models.evaluation.report import RunSummary, as_markdown, software_versions, write_report

_NASTY = [
    "a|b",
    "*bold*",
    "_under_ _score",
    "snake_case_name",
    "`code`",
    "<b>tag</b> & &amp;",
    "[link](x)",
    "![image](x)",
    "~~struck~~",
    "back\\slash",
    "\\|",
    "$x^2$",
    "# heading",
    "two\nlines",
    "1. list",
    "- item",
]


def _tables(source):
    """The tables of a document as rows of plain text; markup in a cell would be lost."""
    tables, row, inside = [], [], False
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            row = []
            tables[-1].append(row)
        elif token.type in ("td_open", "th_open"):
            inside = True
        elif token.type in ("td_close", "th_close"):
            inside = False
        elif token.type == "inline" and inside:
            kinds = {child.type for child in token.children}
            assert kinds <= {"text", "text_special"}, (token.content, kinds)
            row.append("".join(child.content for child in token.children))
    return tables


def _images(source):
    return [
        child.attrs["src"]
        for token in MarkdownIt("commonmark").parse(source)
        for child in token.children or ()
        if child.type == "image"
    ]


def _headings(source):
    tokens = MarkdownIt("commonmark").parse(source)
    return [
        "".join(child.content for child in following.children)
        for token, following in pairwise(tokens)
        if token.type == "heading_open"
    ]


# --- Markdown -------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", _NASTY)
def test_cells_show_what_they_were_given(content):
    source = markdown.table(("name", "number:"), [(content, 1), ("after", 2)])
    line = " ".join(content.split())
    assert _tables(source) == [[["name", "number"], [line, "1"], ["after", "2"]]]


def test_names_of_settings_stay_readable():
    assert markdown.text("horizontal_flip") == "horizontal_flip"


@pytest.mark.parametrize("content", ["a\nb", "```\nx\n```", "a ```` b", "<b> | _x_"])
def test_code_shows_what_it_was_given(content):
    (token,) = MarkdownIt("commonmark").parse(markdown.code(content))
    assert (token.type, token.content) == ("fence", content + "\n")


def test_image_of_a_file_with_spaces():
    assert _images(markdown.image("a [b]", "my (1) curve.png")) == ["my%20%281%29%20curve.png"]


# --- Report ---------------------------------------------------------------------------------------

_RUN = RunSummary(
    name="modern",
    class_names=("cats|1", "dogs"),
    images={"training": 1200, "validation": [3, 2]},
    history={
        "loss": [0.9, 0.5, 0.4],
        "accuracy": [0.5, 0.7, 0.8],
        "val_loss": [0.8, 0.6, 0.7],
        "val_accuracy": [0.5, 0.75, 0.75],
        "images_per_second": [10.0, 400.0, 600.0],
        "input_wait": [0.9, 0.1, 0.2],
    },
    recipe={"epochs": 3, "optimisation": {"warm_up": 0.5, "cosine": True}, "size": [96, 96]},
    settings={"seed": 7, "precision": "float32", "averaging": None},
    command="catdog-train --data 'my | pets'",
    versions={"python": "3.11"},
    files=("a.jpg", "b_1.jpg", "c.jpg", "d.jpg", "e.jpg"),
)
_PICTURES = {"curves": "curves.png", "confusion": "confusion.png", "wrong": "wrong.png"}


def _evaluation(labels=(0, 0, 0, 1, 1)):
    probabilities = np.float32([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.95, 0.05], [0.2, 0.8]])
    numbers = np.array(labels, np.int64)
    rows = np.flatnonzero(probabilities.argmax(axis=1) != numbers)
    rows = rows[np.argsort(-probabilities.max(axis=1)[rows])]
    images = np.zeros((len(rows), 4, 4, 3), np.float32)
    # The order of the files is not that of the evaluation.
    return Evaluation(probabilities, numbers, np.int64([4, 3, 2, 1, 0]), Wrong(rows, images))


def _table_with(source, first):
    (found,) = [table for table in _tables(source) if table[0][0] == first]
    return found


def test_result_of_best_and_last_epoch():
    source = as_markdown(_RUN, _evaluation(), _PICTURES)
    assert "# modern: 60.0% validation accuracy\n" in source
    expected = [
        ["", "best epoch (2 of 3)", "last epoch (3)"],
        ["validation accuracy", "0.7500", "0.7500"],
        ["validation loss", "0.6000", "0.7000"],
        ["training accuracy", "0.7000", "0.8000"],
        ["training loss", "0.5000", "0.4000"],
    ]
    assert _table_with(source, "") == expected


def test_every_class_has_its_accuracy():
    expected = [
        ["class", "validation images", "right", "accuracy"],
        ["cats|1", "3", "2", "66.7%"],
        ["dogs", "2", "1", "50.0%"],
    ]
    assert expected in _tables(as_markdown(_RUN, _evaluation(), _PICTURES))


def test_most_wrong_files_are_named_by_their_index():
    expected = [
        ["file", "is", "taken for", "probability"],
        ["b_1.jpg", "dogs", "cats|1", "95.0%"],
        ["d.jpg", "cats|1", "dogs", "60.0%"],
    ]
    assert _table_with(as_markdown(_RUN, _evaluation(), _PICTURES), "file") == expected


def test_pictures_are_where_the_report_is():
    source = as_markdown(_RUN, _evaluation(), _PICTURES)
    assert _images(source) == ["curves.png", "confusion.png", "wrong.png"]
    assert _images(as_markdown(_RUN, _evaluation(), {})) == []


def test_nothing_wrong_needs_no_picture_of_it():
    source = as_markdown(_RUN, _evaluation((0, 1, 0, 0, 1)), _PICTURES)
    assert _images(source) == ["curves.png", "confusion.png"]
    assert "0 of 5 validation images" in source


def test_speed_leaves_the_first_epoch_out():
    table = _table_with(
        as_markdown(_RUN, _evaluation(), {}), "training, median of all epochs but the first"
    )
    assert table[1:] == [
        ["images per second", "500"],
        ["time per epoch, without validation", "2.4 s"],
        ["share of time waiting for input", "15.0%"],
    ]


def test_speed_that_was_not_measured():
    run = replace(_RUN, history={"loss": [1.0], "images_per_second": [3.0]})
    assert "Not measured" in as_markdown(run, _evaluation(), {})


def test_data_by_class_where_it_is_known():
    expected = [
        ["class", "training images", "validation images"],
        ["cats|1", "", "3"],
        ["dogs", "", "2"],
        ["all", "1,200", "5"],
    ]
    assert expected in _tables(as_markdown(_RUN, _evaluation(), {}))
    source = as_markdown(replace(_RUN, images={"training": 9, "test": 1}), _evaluation(), {})
    assert [["class", "training images", "test images"], ["all", "9", "1"]] in _tables(source)
    assert "Classes: cats\\|1, dogs." in source


def test_all_settings_are_told():
    source = as_markdown(_RUN, _evaluation(), {})
    recipe, settings = [table for table in _tables(source) if table[0][0] == "setting"]
    assert dict(recipe[1:]) == {
        "epochs": "3",
        "optimisation.warm_up": "0.5",
        "optimisation.cosine": "yes",
        "size": "96, 96",
    }
    assert dict(settings[1:]) == {
        "seed": "7",
        "precision": "float32",
        "averaging": "none",
        "python": "3.11",
    }
    assert "```\ncatdog-train --data 'my | pets'\n```" in source


def test_headings():
    names = ["Result", "Most confidently wrong", "Speed", "Data", "Recipe", "Run"]
    assert _headings(as_markdown(_RUN, _evaluation(), _PICTURES))[1:] == names


@pytest.mark.parametrize(
    ("history", "best"),
    [
        ({"val_accuracy": [0.5, 0.7, 0.7], "val_loss": [1, 3, 2]}, 3),
        ({"val_accuracy": [0.7, 0.7, 0.5], "val_loss": [1, 1, 0]}, 1),
        ({"val_accuracy": [0.5, 0.7, math.nan], "val_loss": [1, 1, math.nan]}, 2),
        ({"val_accuracy": [0.1, 0.7, 0.3]}, 2),
        ({"val_accuracy": [math.nan] * 3}, 3),
        ({}, 3),
    ],
)
def test_best_epoch(history, best):
    run = replace(_RUN, history={"loss": [3.0, 2.0, 1.0], **history})
    assert run.best_epoch == best
    assert f"best epoch ({best} of 3)" in as_markdown(run, _evaluation(), {})


def test_file_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "report.md"
    write_report(_RUN, _evaluation(), path, _PICTURES)
    before = path.read_text(encoding="utf-8")
    assert before == as_markdown(_RUN, _evaluation(), _PICTURES) + "\n"

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(replace(_RUN, name="other"), _evaluation(), path)
    assert path.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [path]


def test_wrong_runs():
    with pytest.raises(ValueError, match='must have a "loss"'):
        replace(_RUN, history={"accuracy": [1.0]})
    with pytest.raises(ValueError, match="one name for each of 2 classes"):
        as_markdown(replace(_RUN, class_names=("a", "b", "c")), _evaluation(), {})


def test_versions_name_what_results_depend_on():
    import keras
    import tensorflow as tf

    versions = software_versions()
    assert versions["tensorflow"] == tf.__version__
    assert versions["keras"] == keras.__version__
