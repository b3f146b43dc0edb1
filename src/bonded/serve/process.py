"""One HTTP process of the group: an event loop, a listening socket, and the graceful end."""

from __future__ import annotations

import asyncio
import socket

from bonded.serve.app import make_app
from bonded.serve.context import ServeContext
from bonded.serve.life import Life
from bonded.serve.listen import AT_ONCE, BACKLOG
from bonded.telemetry.outlet import Outlet


def run_http(context: ServeContext, listening: socket.socket, life: Life) -> None:
    """Serve on `listening` until `life.stop`; requests in flight finish. Access lines go to standard error."""
    asyncio.run(_serve(context, listening, life))


async def _serve(context: ServeContext, listening: socket.socket, life: Life) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    app = make_app(context, Outlet(2).write_bytes)
    server = await loop.create_server(app.start(), sock=listening, backlog=AT_ONCE)
    listening.listen(BACKLOG)  # asyncio has shortened the queue to what it takes at once

    def stop() -> None:
        loop.call_soon_threadsafe(stopped.set)

    life.on_stop(stop)
    life.ready()
    await stopped.wait()
    server.close()
    await app.stop()
