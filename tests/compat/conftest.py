"""Keras chooses its backend when it is imported, so it is told before any test file is."""

import os

os.environ["KERAS_BACKEND"] = "jax"
