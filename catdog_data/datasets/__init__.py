"""The tf.data API: image datasets that are fast as they are and the same at any parallelism.

Each function lists files, rows or records (`sources`) and chooses how they are read (`reading`).
From there on the steps are the same (`image_set`): split (`splits`), plan epochs (`plan`) and build
an `ImageDataset` (`build`). `doctor`, `serving` and the commands may import it; it may import
`cache` and what lies below, and does not import `keras_compat`.
"""
