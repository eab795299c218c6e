"""The command lines: `catdog-train`, `catdog-predict`, `catdog-export`.

Of this package, only they import `catdog_data`.
"""
