# Shared by .ci/run and .ci/nightly: sections with the time, and one environment per Python.
# Sourced from the root of the checkout by bash -euo pipefail.

unset PYTHONPATH PYTHONHOME JAX_ENABLE_X64 HYPOTHESIS_PROFILE
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1 PYTHONUNBUFFERED=1

sections=() starts=()
section() {
  sections+=("$1") starts+=("$SECONDS")
  printf '\n== %s\n' "$1"
}

# finish FAILED: the seconds of every section; ends the script with an error if something failed.
finish() {
  local i
  starts+=("$SECONDS")
  printf '\n== seconds, %s in all\n' "$SECONDS"
  for i in "${!sections[@]}"; do
    printf '%5s  %s\n' "$((starts[i + 1] - starts[i]))" "${sections[i]}"
  done
  [ -z "$1" ] || { echo "FAILED:$1" >&2; exit 1; }
}

# environment DIRECTORY PYTHON REQUIREMENT...: a virtual environment with the newest of each.
environment() {
  local directory=$1 python=$2
  shift 2
  "$python" -m venv "$directory" &&
    "$directory/bin/python" -m pip install --quiet --upgrade pip &&
    "$directory/bin/python" -m pip install --quiet --upgrade --upgrade-strategy eager "$@" &&
    "$directory/bin/python" -c '
import importlib.metadata as m, importlib.util as u, sys
print(sys.version.split()[0], *(f"{p} {m.version(p)}" for p in ("jax", "jaxlib", "torch") if u.find_spec(p)))'
}

# newest_python THAN: path of the newest Python on this machine, if it is newer than the minor THAN.
# A name on PATH may be a launcher for a Python that is not chosen, so each is tried.
newest_python() {
  local minor candidate
  for ((minor = 14; minor > $1; minor--)); do
    for candidate in "python3.$minor" $(pyenv_pythons "$minor"); do
      "$candidate" -c "
import ensurepip, sys, venv
assert sys.version_info[:2] == (3, $minor) and sys.version_info.releaselevel == 'final'
print(sys.executable)" 2>/dev/null && return
    done
  done
  return 1
}

# pyenv_pythons MINOR: those that pyenv keeps, the newest first.
pyenv_pythons() {
  command -v pyenv >/dev/null || return 0
  pyenv versions --bare | { grep -x "3\.$1\.[0-9]*" || true; } | sort -rV |
    sed "s|.*|$(pyenv root)/versions/&/bin/python|"
}

# newest_environment PYTHON: .venv-ci-newest, with the newest JAX and without PyTorch, of the newest
# Python that is newer than PYTHON; nothing where this machine has none.
newest_environment() {
  local found
  rm -rf .venv-ci-newest
  if ! found=$(newest_python "$("$1" -c 'import sys; print(sys.version_info[1])')"); then
    echo "SKIPPED: no newer Python (up to 3.14) on this machine, on PATH or under pyenv"
    return
  fi
  environment .venv-ci-newest "$found" jax -e ".[test]"
}
