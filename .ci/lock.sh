#!/usr/bin/env bash
# Renews both lock files from pyproject.toml: versions and hashes, no hosts.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { pip-compile -q --no-strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host \
  --no-emit-find-links --no-annotate --no-header "$@"; }
compile --extra telemetry --output-file docker/requirements.lock pyproject.toml
compile --extra dev --extra demo --extra telemetry --constraint docker/requirements.lock --output-file .ci/requirements.lock pyproject.toml
