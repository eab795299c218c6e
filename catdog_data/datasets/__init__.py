"""The tf.data API: image datasets that are fast as they are and the same at any parallelism."""
