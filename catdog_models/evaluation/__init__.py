"""How good a network is and where it is wrong: predictions, measures, reports."""
