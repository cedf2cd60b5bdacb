"""How many files one has to read to follow a call: those that the first eager one enters.

    python tests/legs/test_path.py

prints them.
"""

import subprocess
import sys

PROGRAM = """
import sys
from pathlib import Path
import jax.numpy as jnp
import jaxdeconv
from jaxdeconv import conv_transpose

package, entered = str(Path(jaxdeconv.__file__).parent), {}

def hook(frame, event, _):
    file = frame.f_code.co_filename
    if event == "call" and file.startswith(package):
        entered.setdefault(file[len(package) + 1 :])

u, w = jnp.ones((2, 4, 4, 4)), jnp.ones((3, 3, 3, 4))
sys.setprofile(hook)
conv_transpose(u, w, stride=2)
sys.setprofile(None)
print(*entered)
"""


def entered() -> list[str]:
    """Those files of the package in which a function is called, in the order of the first call."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_at_most_24_files() -> None:
    """Three of them ask oneDNN, where it is installed, whether it could compute the call."""
    files = entered()
    assert {"legs/functions.py", "legs/prepare.py", "primitives/primitive.py"} <= {*files}
    assert len(files) <= 24, files


if __name__ == "__main__":
    print(*entered(), sep="\n")  # noqa: T201
