"""Which images can be read, found out once; and what is read in place of the others.

`datasets` and `keras_compat` import it; it may import `engine` and what lies below.
"""
