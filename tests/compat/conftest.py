"""Keras chooses its backend on import, so the choice is set before any test file is imported."""

import os

os.environ["KERAS_BACKEND"] = "jax"
