"""What `ImageDataGenerator` draws, and in which order: Keras' stream of NumPy, draw for draw.

The rest of `keras_compat` imports it; it imports no iterator, and no TensorFlow.
"""
