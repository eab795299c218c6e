"""The random changes that an image can have, one file each.

A file holds all about its step: what an image draws for it, the parameters that the draws become,
what these do to a batch of images, and what they do to labels. `catdog_data.augment.compose` puts
the steps of an `Augmentation` together; nothing here knows another step.
"""
