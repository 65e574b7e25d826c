"""An AXI4-Lite master for Amaranth's simulator."""

from __future__ import annotations

import random
from typing import Any

from rtl.axi.ports import Response


class Master:
    """AXI4-Lite with address and data in either order and late answers taken."""

    def __init__(self, ctx: Any, bus: Any, seed: int = 0) -> None:
        self.ctx, self.bus, self.chooser = ctx, bus, random.Random(seed)

    async def write(self, offset: int, value: int, strobe: int = 0b1111) -> Response:
        ctx, bus = self.ctx, self.bus
        ctx.set(bus.awaddr, offset)
        ctx.set(bus.wdata, value)
        ctx.set(bus.wstrb, strobe)
        waiting = {"aw": self.chooser.randrange(3), "w": self.chooser.randrange(3)}
        while waiting:
            for name, delay in list(waiting.items()):
                ctx.set(getattr(bus, f"{name}valid"), delay <= 0)
                waiting[name] = delay - 1
            taken = [n for n in waiting if ctx.get(getattr(bus, f"{n}valid")) and ctx.get(getattr(bus, f"{n}ready"))]
            await ctx.tick()
            for name in taken:
                ctx.set(getattr(bus, f"{name}valid"), 0)
                del waiting[name]
        return await self._answer("b", bus.bresp)

    async def read(self, offset: int) -> tuple[Response, int]:
        ctx, bus = self.ctx, self.bus
        ctx.set(bus.araddr, offset)
        ctx.set(bus.arvalid, 1)
        while not ctx.get(bus.arready):
            await ctx.tick()
        await ctx.tick()
        ctx.set(bus.arvalid, 0)
        while not ctx.get(bus.rvalid):
            await ctx.tick()
        value = ctx.get(bus.rdata)
        return await self._answer("r", bus.rresp), value

    async def _answer(self, name: str, response: Any) -> Response:
        ctx, valid, ready = self.ctx, getattr(self.bus, f"{name}valid"), getattr(self.bus, f"{name}ready")
        while not ctx.get(valid) or self.chooser.random() < 0.4:
            await ctx.tick()
        answer = Response(ctx.get(response))
        ctx.set(ready, 1)
        await ctx.tick()
        ctx.set(ready, 0)
        return answer
