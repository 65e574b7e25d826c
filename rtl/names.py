"""What the modules of a generated array are called, so that several arrays can stand in one design."""

from __future__ import annotations

import re
from dataclasses import dataclass

from compress.base.errors import CodesignError

__all__ = ["ACCELERATOR", "PLAIN", "TOP", "ModuleNames"]

TOP = "pe_array"
"""The array alone."""

ACCELERATOR = "codesign_accelerator"
"""The array behind AXI ports."""

_SHELL = "codesign_shell"
_LONGEST = 40
_KEYWORDS = frozenset(
    [
        "always",
        "and",
        "assign",
        "automatic",
        "begin",
        "bind",
        "bit",
        "buf",
        "bufif0",
        "bufif1",
        "byte",
        "case",
        "casex",
        "casez",
        "cell",
        "chandle",
        "checker",
        "class",
        "clocking",
        "cmos",
        "config",
        "const",
        "constraint",
        "context",
        "continue",
        "cover",
        "covergroup",
        "coverpoint",
        "cross",
        "deassign",
        "default",
        "defparam",
        "design",
        "disable",
        "dist",
        "do",
        "edge",
        "else",
        "end",
        "endcase",
        "endchecker",
        "endclass",
        "endclocking",
        "endconfig",
        "endfunction",
        "endgenerate",
        "endgroup",
        "endinterface",
        "endmodule",
        "endpackage",
        "endprimitive",
        "endprogram",
        "endproperty",
        "endsequence",
        "endspecify",
        "endtable",
        "endtask",
        "enum",
        "event",
        "eventually",
        "expect",
        "export",
        "extends",
        "extern",
        "final",
        "first_match",
        "for",
        "force",
        "foreach",
        "forever",
        "fork",
        "forkjoin",
        "function",
        "generate",
        "genvar",
        "global",
        "highz0",
        "highz1",
        "if",
        "iff",
        "ifnone",
        "ignore_bins",
        "illegal_bins",
        "implements",
        "implies",
        "import",
        "incdir",
        "include",
        "initial",
        "inout",
        "input",
        "inside",
        "instance",
        "int",
        "integer",
        "interconnect",
        "interface",
        "intersect",
        "join",
        "join_any",
        "join_none",
        "large",
        "let",
        "liblist",
        "library",
        "local",
        "localparam",
        "logic",
        "longint",
        "macromodule",
        "matches",
        "medium",
        "modport",
        "module",
        "nand",
        "negedge",
        "nettype",
        "new",
        "nexttime",
        "nmos",
        "nor",
        "noshowcancelled",
        "not",
        "notif0",
        "notif1",
        "null",
        "or",
        "output",
        "package",
        "packed",
        "parameter",
        "pmos",
        "posedge",
        "primitive",
        "priority",
        "program",
        "property",
        "protected",
        "pull0",
        "pull1",
        "pulldown",
        "pullup",
        "pulsestyle_ondetect",
        "pulsestyle_onevent",
        "pure",
        "rand",
        "randc",
        "randcase",
        "randsequence",
        "rcmos",
        "real",
        "realtime",
        "ref",
        "reg",
        "reject_on",
        "release",
        "repeat",
        "restrict",
        "return",
        "rnmos",
        "rpmos",
        "rtran",
        "rtranif0",
        "rtranif1",
        "s_always",
        "s_eventually",
        "s_nexttime",
        "s_until",
        "s_until_with",
        "scalared",
        "sequence",
        "shortint",
        "shortreal",
        "showcancelled",
        "signed",
        "small",
        "soft",
        "solve",
        "specify",
        "specparam",
        "static",
        "string",
        "strong",
        "strong0",
        "strong1",
        "struct",
        "super",
        "supply0",
        "supply1",
        "sync_accept_on",
        "sync_reject_on",
        "table",
        "tagged",
        "task",
        "this",
        "throughout",
        "time",
        "timeprecision",
        "timeunit",
        "tran",
        "tranif0",
        "tranif1",
        "tri",
        "tri0",
        "tri1",
        "triand",
        "trior",
        "trireg",
        "type",
        "typedef",
        "union",
        "unique",
        "unique0",
        "unsigned",
        "until",
        "until_with",
        "untyped",
        "use",
        "uwire",
        "var",
        "vectored",
        "virtual",
        "void",
        "wait",
        "wait_order",
        "wand",
        "weak",
        "weak0",
        "weak1",
        "while",
        "wildcard",
        "wire",
        "with",
        "within",
        "wor",
        "xnor",
        "xor",
    ]
)
"""Of Verilog and SystemVerilog (IEEE 1800-2017, annex B): no use as an instance's or a library's name."""


@dataclass(frozen=True)
class ModuleNames:
    """Names of an array's modules: ``prefix`` and an underscore before each; plain names for an empty one.

    A prefix is in small letters, so that prefixes that differ stay different in VHDL and as names of C macros.
    """

    prefix: str = ""

    def __post_init__(self) -> None:
        if not self.prefix:
            return
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.prefix, re.ASCII) or len(self.prefix) > _LONGEST:
            raise CodesignError(
                f"the prefix {self.prefix!r} is no name for modules",
                f"use small letters, digits and underscores, a letter first, at most {_LONGEST} of them",
            )
        if self.prefix in _KEYWORDS:
            raise CodesignError(f"the prefix {self.prefix!r} is a Verilog keyword", "choose another one")

    def of(self, name: str) -> str:
        """A module's name with the prefix."""
        return f"{self.prefix}_{name}" if self.prefix else name

    @property
    def array(self) -> str:
        """The array alone."""
        return self.of(TOP)

    @property
    def accelerator(self) -> str:
        """The array behind AXI ports."""
        return self.of(ACCELERATOR)

    @property
    def shell(self) -> str:
        """What the accelerator wraps."""
        return self.of(_SHELL)

    def sram(self, depth: int, width: int) -> str:
        """The memory that a flow may replace by a macro of its own."""
        return self.of(f"sram_{depth}x{width}")


PLAIN = ModuleNames()
"""Names without a prefix."""
