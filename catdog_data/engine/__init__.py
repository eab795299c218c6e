"""Where pixels come from, what is done to a batch of them, and the order of the tf.data stages.

Both faces, `datasets` and `keras_compat`, and `cache` may import it, and `doctor`. It may
import `augment`, `kernels`, `decoding` and what lies below.
"""
