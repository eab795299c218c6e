"""What holds an input pipeline up: each stage measured by itself, and what the figures say.

Only the commands import it; it may import `datasets` and what lies below.
"""
