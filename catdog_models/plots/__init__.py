"""Pictures for people: training curves, labelled grids of images, a confusion matrix."""

from catdog_models.plots.curves import plot_history
from catdog_models.plots.grid import preview_batch

__all__ = ["plot_history", "preview_batch"]
