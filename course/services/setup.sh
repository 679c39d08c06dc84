#!/usr/bin/env bash
# Gradescope runs this once, to install Python and the packages that grading needs.
set -eu
root=${AUTOGRADER_ROOT:-/autograder}
apt-get update
apt-get install -y python3 python3-venv
python3 -m venv "$root/venv"
"$root/venv/bin/pip" install "$root/source/course/starter" pytest-timeout
