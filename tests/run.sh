#!/usr/bin/env bash
# Sets up everything on a fresh Debian 12 and runs every gate and test. Options after `--` go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

not_run=()
step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

step "System packages"
missing=()
command -v chromium >/dev/null || missing+=(chromium)
[ -x /usr/lib/postgresql/15/bin/initdb ] || missing+=(postgresql)
command -v npm >/dev/null || missing+=(npm)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

step "Python environment"
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/pip install -q --disable-pip-version-check --require-hashes -r .ci/requirements.lock
.venv/bin/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
export PATH="$PWD/.venv/bin:$PATH"

step "axe-core, for the accessibility tests"
[ -d .venv/axe/node_modules/axe-core ] || npm install --silent --no-audit --no-fund --prefix .venv/axe axe-core@4
export TEST_AXE="$PWD/.venv/axe/node_modules/axe-core/axe.min.js"

step "Format and lint"
ruff format --check .
ruff check .
step "Types"
mypy service fhir_mappings tests
step "Floors"
lint-imports
step "Dependencies"
deptry .
step "Security lint"
bandit -q -r service fhir_mappings -c pyproject.toml
step "Known vulnerabilities of the locked packages"
audit=0
python .ci/audit.py .ci/requirements.lock docker/requirements.lock docker/build.lock || audit=$?
case $audit in
  0) ;;
  # A service that cannot be asked says nothing about the packages: TEST_REQUIRE_AUDIT=1 makes that a failure.
  3) if [ -n "${TEST_REQUIRE_AUDIT:-}" ]; then exit 1; fi; not_run+=("the audit for known vulnerabilities") ;;
  *) exit 1 ;;
esac
step "Knowledge"
crlm-cds check >/dev/null
step "Tests"
coverage erase
pytest -q -n 2 --dist loadfile --cov --cov-report= --durations=15 "$@"
step "Coverage"
coverage report --skip-covered --fail-under=95
coverage report --include='service/knowledge/*' --fail-under=100
step "Soak, one minute (half an hour: python -m tests.soak)"
python -m tests.soak --minutes 1 --noisy
step "The built wheel in a clean environment"
bash tests/wheel.sh
step "Done"
if [ ${#not_run[@]} -gt 0 ]; then printf 'NOT RUN HERE: '; printf '%s\n' "${not_run[@]}"; fi
