"""What reliability is shown with: hostile files, kills, and hours of reading.

Each of `python -m tests.reliability.fuzz`, `kills` and `soak` has `--help`; the tests in this
folder run them in miniature, and docs/reliability.md has the figures of the full runs.
"""
