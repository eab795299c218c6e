"""The generated sample set: drawn cats and dogs, for trying things without a download.

`generate` draws the set; a `picture` is an animal (`look`, `canvas`, `animals`) before a backdrop
(`scenery`). It may import `archives` and `system`.
"""
