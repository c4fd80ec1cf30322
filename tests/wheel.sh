#!/usr/bin/env bash
# Builds the wheel, installs it alone in a clean environment, and asks it for an answer.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python -m build --wheel --no-isolation --outdir "$work/dist" . >/dev/null
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r docker/requirements.lock
"$work/venv/bin/pip" install -q --disable-pip-version-check --no-deps "$work"/dist/*.whl
cd "$work"
"$work/venv/bin/crlm-cds" --version
"$work/venv/bin/crlm-cds" check >/dev/null
"$work/venv/bin/crlm-cds" try --json >"$work/answer.json"
"$work/venv/bin/python" - "$work/answer.json" <<'PY'
import json, sys
cards = json.load(open(sys.argv[1]))["cards"]
assert len(cards) == 1, cards
print("wheel:", cards[0]["summary"])
PY
