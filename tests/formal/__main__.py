"""Prove every property, and show for each a fault of the block that turns it red: ``make formal``."""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.formal import axi, buffers, decoders, loads, memories, queues
from tests.formal.engine import Proof, mutations, prove

PROOFS = (*queues.PROOFS, *memories.PROOFS, *buffers.PROOFS, *loads.PROOFS, *axi.PROOFS, *decoders.PROOFS)
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


def _cpu_seconds() -> float:
    """Of this process and of the Yosys and ABC runs that it started."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> int:
    """All proofs, two at a time."""
    wanted = [proof for proof in PROOFS if not sys.argv[1:] or proof.name in sys.argv[1:]]
    good = True
    with ThreadPoolExecutor(JOBS) as pool:
        for lines, fine in pool.map(report, wanted):
            print("\n".join(lines), flush=True)
            good &= fine
    print(f"{len(wanted)} proofs, {_cpu_seconds():.0f} s of CPU time", flush=True)
    return 0 if good and wanted else 1


if __name__ == "__main__":
    sys.exit(main())
