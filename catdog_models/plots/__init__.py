"""Pictures for people: training curves, labelled grids of images, a confusion matrix.

`evaluation` and `commands` may import it; it may import `catdog_data.system`.
"""

from catdog_models.plots.confusion import plot_confusion
from catdog_models.plots.curves import plot_folds, plot_history
from catdog_models.plots.grid import plot_wrong, preview_batch

__all__ = ["plot_confusion", "plot_folds", "plot_history", "plot_wrong", "preview_batch"]
