"""How to read a report: what was measured, and how the numbers come about."""

from __future__ import annotations

HOW_TO_READ = (
    (
        "What is timed",
        "Everything between the files and a batch that training could take: reading, decoding, "
        "resizing, distorting, scaling, batching. A contestant with a cache has done "
        "a part of that before, as its title says. Bounds and stages do less, and are no "
        "competitors.",
    ),
    (
        "What is not",
        "Imports, the time until the first batch, and a short lead-in after it, in which buffers "
        "settle. The time until the first batch, compilation included, stands in a column of its "
        "own, counted from when TensorFlow, or the contestant's own library, is imported.",
    ),
    (
        "The same work",
        "Before anything is timed, all contestants yield the same few images. Those that share "
        "Keras' random stream must yield its batches, to the last bit; the others its mean image "
        "and the spread of images about it, in 8x8 cells, within rounding and chance. Who computes "
        "something else is not timed.",
    ),
    (
        "Own processes, in turns",
        "Each contestant runs in a process of its own in every round, and all have their turn in "
        "a round before the next begins, so that what slows the machine for a while hits all.",
    ),
    (
        "Numbers",
        "Images/s and CPU ms/image are medians over the rounds, with the lowest and the highest "
        "in brackets. CPU time is that of the whole process tree. Peak is the highest memory of "
        "the process tree that is not a file's, in 10⁶ bytes.",
    ),
    (
        "Ratios",
        "Times the reference is the median of the ratios of images/s within each round, with a "
        "95 % bootstrap interval in brackets. If that contains 1, no difference has been shown. "
        "A few rounds make it too narrow rather than too wide, and a single round gives none.",
    ),
    (
        "Files",
        "They are in the page cache, where the conditions of a workload do not say that they are "
        "cold: then they are dropped from it before each round.",
    ),
    (
        "Missing",
        "A contestant that is not installed, cannot do the work or failed is listed with the "
        "reason, and has no number.",
    ),
)
"""Pairs of what it is about and what there is to know."""
