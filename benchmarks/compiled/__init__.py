"""What XLA:GPU and XLA:TPU make of every leg and training step: `python -m benchmarks.compiled`."""
