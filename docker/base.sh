#!/usr/bin/env bash
# Makes a base image from Debian's packages alone, where no image registry may be asked. Needs root, debootstrap and
# buildah. MIRROR names another mirror of Debian than its own.
#   bash docker/base.sh && PYTHON_IMAGE=localhost/python-of-debian:bookworm bash docker/check.sh
set -euo pipefail
name=${1:-localhost/python-of-debian:bookworm}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packages=python3,python3-venv,python3-pip,python-is-python3,ca-certificates
debootstrap --variant=minbase --include="$packages" bookworm "$work/system" ${MIRROR:+"$MIRROR"}
rm -rf "$work"/system/var/cache/apt/archives/*.deb "$work"/system/var/lib/apt/lists/*
container=$(buildah from scratch)
buildah add --quiet "$container" "$work/system" /
buildah config --cmd python3 "$container"
buildah commit --quiet --rm "$container" "$name"
