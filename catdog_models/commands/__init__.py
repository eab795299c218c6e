"""The command lines: `catdog-train`, `catdog-predict`, `catdog-export`.

Nothing imports them. Of this package, only they import more of `catdog_data` than `system`.
"""
