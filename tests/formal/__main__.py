"""Prove every property, and show for each a fault of the block that turns it red: ``make formal``."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.formal import blocks, decoders
from tests.formal.engine import Proof, mutations, prove

PROOFS = (*blocks.PROOFS, *decoders.PROOFS)
FAULTS = 60
JOBS = 2


def killers(proof: Proof, faults: int = FAULTS) -> dict[str, str | None]:
    """For each property a fault that breaks it, None where none of them does."""
    found: dict[str, str | None] = dict.fromkeys(proof.source()[1])
    for fault in mutations(proof, faults):
        if None not in found.values():
            break
        for name, frame in prove(proof, fault).items():
            if frame is not None:
                found[name] = found[name] or fault
    return found


def report(proof: Proof) -> tuple[list[str], bool]:
    """Lines for people, and whether all is well."""
    started = time.perf_counter()
    broken = {name: frame for name, frame in prove(proof).items() if frame is not None}
    if broken:
        return [f"{proof.name}: BROKEN", *(f"    {name}: in cycle {frame}" for name, frame in broken.items())], False
    found = killers(proof)
    lines = [
        f"    {name}: {'proved, red with a fault' if fault else 'NO FAULT BREAKS IT'}" for name, fault in found.items()
    ]
    seconds = time.perf_counter() - started
    return [f"{proof.name}: {len(lines)} properties, {seconds:.0f} s", *lines], None not in found.values()


def main() -> int:
    """All proofs, two at a time."""
    wanted = [proof for proof in PROOFS if not sys.argv[1:] or proof.name in sys.argv[1:]]
    good = True
    with ThreadPoolExecutor(JOBS) as pool:
        for lines, fine in pool.map(report, wanted):
            print("\n".join(lines), flush=True)
            good &= fine
    return 0 if good and wanted else 1


if __name__ == "__main__":
    sys.exit(main())
