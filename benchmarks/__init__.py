"""Speed against Keras' own loader, measured side by side: `python -m benchmarks --help`."""
