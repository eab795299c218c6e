"""What this process may use of the machine; files and directories that are whole or not there.

Also locks between processes, and what error messages have in common. Any package may import it, and
so may `catdog_models`; it imports none of either, and no TensorFlow.
"""
