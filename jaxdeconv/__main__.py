"""`python -m jaxdeconv`: see `jaxdeconv.cli`."""

import sys

from jaxdeconv.cli import main

if __name__ == "__main__":
    sys.exit(main())
