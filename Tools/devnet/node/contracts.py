"""Compiles the contracts beside this package and keeps the artefacts."""

import hashlib
import json
import os
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from eth_hash.auto import keccak

SOURCES = Path(__file__).resolve().parent.parent / "contracts"
CACHE = SOURCES.parent / ".cache"


class Contract(NamedTuple):
    name: str
    abi: list[dict]
    bytecode: bytes
    selectors: dict[str, bytes]
    """Selector of each function, by signature."""


def load(name: str) -> Contract:
    """The compiled contract, from the cache when source and compiler are unchanged."""
    source = (SOURCES / f"{name}.vy").read_text()
    key = hashlib.sha256(f"{version('vyper')}\n{source}".encode()).hexdigest()[:20]
    cached = CACHE / f"{name}-{key}.json"
    if cached.exists():
        artefact = json.loads(cached.read_text())
    else:
        artefact = _compile(source)
        CACHE.mkdir(exist_ok=True)
        for stale in CACHE.glob(f"{name}-*.json"):
            stale.unlink(missing_ok=True)
        # Renamed into place, so that a node starting beside this one never reads half a file.
        with tempfile.NamedTemporaryFile("w", dir=CACHE, delete=False) as partial:
            json.dump(artefact, partial)
        os.replace(partial.name, cached)
    selectors = {signature: keccak(signature.encode())[:4] for signature in artefact["methods"]}
    return Contract(name, artefact["abi"], bytes.fromhex(artefact["bytecode"][2:]), selectors)


def _compile(source: str) -> dict:
    # Imported here: it takes a good part of a second and is rarely needed.
    import vyper

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        output = vyper.compile_code(source, output_formats=["abi", "bytecode", "method_identifiers"])
    return {"abi": output["abi"], "bytecode": output["bytecode"], "methods": list(output["method_identifiers"])}
