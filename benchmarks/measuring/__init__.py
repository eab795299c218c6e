"""How contestants are timed, and what is checked before."""
