"""How much of the batch and of the groups is computed at a time."""

import dataclasses

import numpy as np
import pytest

from jaxdeconv import ConvGeometry
from jaxdeconv.algorithms import Problem, steps

FLOAT32 = np.dtype(np.float32)
MANY = Problem("conv", ConvGeometry((32, 32), 3, groups=16), 60, 256, 256, FLOAT32, FLOAT32)


@pytest.mark.parametrize(
    ("bytes_per_image", "count"),
    [
        (steps.CHUNK_BYTES / 60, 60),  # all fit
        (steps.STEP_BYTES / 4, 4),
        (steps.STEP_BYTES / 7, 6),  # seven would fit, but do not divide sixty
        (10 * steps.STEP_BYTES, 1),
    ],
)
def test_images_per_step(bytes_per_image: float, count: int) -> None:
    assert steps.images_at_once(MANY, bytes_per_image) == count


def test_small_groups_are_computed_together() -> None:
    assert steps.worth_looping(MANY)
    assert not steps.worth_looping(
        dataclasses.replace(MANY, in_channels=16, out_channels=16, batch=1)
    )
    few = dataclasses.replace(MANY, geometry=MANY.geometry.with_groups(8))
    assert not steps.worth_looping(few)


@pytest.mark.parametrize(
    "changes", [{"platform": "gpu"}, {"platform": "tpu"}, {"partitioned": True}]
)
def test_loops_are_for_one_cpu(changes: dict) -> None:
    """Accelerators prefer large steps, and a batch on several devices is not divided."""
    elsewhere = dataclasses.replace(MANY, **changes)
    assert steps.images_at_once(elsewhere, 10 * steps.STEP_BYTES) == 60
    assert not steps.worth_looping(elsewhere)
