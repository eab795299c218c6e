"""What this process may use of the machine, directories that appear whole or not at all, messages.

Any room may import it; it imports none, and no TensorFlow.
"""
