"""The generated sample set: drawn cats and dogs, for trying things without a download.

`generate` draws the set; a `picture` is an animal (`look`, `canvas`, `animals`) before a backdrop
(`scenery`). The commands of `catdog_models` may import it; it may import
`archives` and `system`. Nothing imports TensorFlow.
"""
