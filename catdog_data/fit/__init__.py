"""How Keras goes through the epochs of `fit`; both APIs use it.

It imports no other package.
"""
