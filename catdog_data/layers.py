"""Keras layers that finish on the device what a dataset with `augment_on="device"` begins."""

from catdog_data.training.augment_layer import AugmentAndRescale, device_tables, table_shape

__all__ = ["AugmentAndRescale", "device_tables", "table_shape"]
