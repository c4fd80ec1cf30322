"""Posts the transaction Bundles of a folder to a FHIR server, once it is there: `load.py FOLDER FHIR-BASE-URL`."""

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE_S = 300
JSON = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}


def wait_for(base: str) -> None:
    """Wait until the server describes itself: HAPI takes a minute or two to start."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"{base}/metadata", timeout=10):
                return
        except OSError as fault:
            if time.monotonic() > give_up:
                raise SystemExit(f"{base} does not answer: {fault}") from None
            time.sleep(2)


def load(folder: Path, base: str) -> int:
    """Post every Bundle; give their number. The same Bundle may be posted again: its entries are updates."""
    bundles = sorted(folder.glob("*.json"))
    for path in bundles:
        request = urllib.request.Request(base, data=path.read_bytes(), headers=JSON, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                print(path.name, len(json.load(answer).get("entry", ())), "resources", flush=True)
        except urllib.error.HTTPError as fault:
            raise SystemExit(f"{path.name}: the server answered {fault.code}") from None
    return len(bundles)


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), sys.argv[2].rstrip("/")
    wait_for(target)
    if not load(source, target):
        raise SystemExit(f"{source} holds no Bundle: crlm-cds demo --export {source}")
