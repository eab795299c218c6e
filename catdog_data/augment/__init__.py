"""What is done to images: which parameters are drawn, and the pure functions that apply them.

`augmentation` holds the settings, without TensorFlow; `steps` has a file for each change, and
`compose` makes the steps of some settings. `engine`, both faces, `doctor` and the commands may
import it; it may import `kernels` and `system`.
"""
