"""Runs one Yosys script in its own process: an abort of Yosys or ABC ends this process and not the caller.

Started by path with the working folder as its only argument; it imports nothing of the toolkit. Reads ``script.json``
(a list of Yosys commands) there and leaves ``yosys.log``, the command it came to in ``command.txt`` and whatever the
script writes. Exit code 0 when every command has run.
"""

import json
import os
import sys
from pathlib import Path


def main(folder: str) -> None:
    """Run the script of ``folder`` in it."""
    os.chdir(folder)
    from pyosys import libyosys

    design = libyosys.Design()
    for command in json.loads(Path("script.json").read_text(encoding="utf-8")):
        Path("command.txt").write_text(command, encoding="utf-8")
        libyosys.run_pass(f"tee -q -a yosys.log {command}", design)


if __name__ == "__main__":
    main(sys.argv[1])
