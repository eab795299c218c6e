"""Where pixels come from, what is done to a batch of them, and the order of the tf.data stages.

Both faces, `datasets` and `keras_compat`, and `cache` may import it. It knows neither of them.
"""
