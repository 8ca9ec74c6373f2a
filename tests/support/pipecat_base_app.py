#!/usr/bin/env python3
"""A replacement for the app of Pipecat Cloud's base image that runs a bot.py. It has the same HTTP contract;
the image's own app is not published as a package.

    GET /readyz   200 {"status":"ok"}; with a readyz() in bot.py, what that says: a bool, or a dict with
                  "ready", from a plain or an async function; false, an exception or anything else is 503
    GET /livez    200 while the process runs
    POST /bot     runs bot() with the JSON body, and answers {} when the session has ended
    /ws           runs bot() on a WebSocket; ?body= is base64 of JSON

The session's id comes in x-daily-session-id. SIGTERM stops new connections and waits for those there
are, for $SHUTDOWN_TIMEOUT seconds (7200). PORT is 8080 unless set. bot.py is imported from the working
directory. Run by a Python that has fastapi and uvicorn, and Pipecat where the bot needs it; listens
on loopback only.
"""

import asyncio
import base64
import dataclasses
import inspect
import json
import logging
import os
import sys
import time
from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI, Header, WebSocket
from fastapi.responses import JSONResponse
from fastapi.websockets import WebSocketState

sys.path.insert(0, os.getcwd())
import bot as bot_module  # noqa: E402

LOG = logging.getLogger("uvicorn.error")
SessionId = Annotated[str | None, Header(alias="x-daily-session-id")]
app = FastAPI()


@dataclasses.dataclass
class SessionArguments:
    """The argument of bot(); if Pipecat is installed, its own classes are used."""

    session_id: str | None = None
    body: Any = None
    websocket: WebSocket | None = None


def session_arguments(websocket=None, **facts):
    try:
        from pipecat.runner import types
    except ImportError:
        return SessionArguments(websocket=websocket, **facts)
    if websocket is None:
        return types.RunnerArguments(**facts)
    return types.WebSocketRunnerArguments(websocket=websocket, **facts)


async def run_session(arguments):
    try:
        await bot_module.bot(arguments)
    except Exception:  # a failed session must not end the others
        LOG.exception("the bot failed")


async def ask_bot_for_readiness():
    """(ready, what to answer)."""
    answer = getattr(bot_module, "readyz", lambda: True)()
    if inspect.isawaitable(answer):
        answer = await answer
    if isinstance(answer, bool):
        return answer, {"status": "ok" if answer else "not ready"}
    if isinstance(answer, dict):
        return bool(answer.get("ready", False)), answer
    return False, {"status": "error", "error": "invalid readyz return type"}


@app.get("/readyz")
async def readyz():
    try:
        ready, content = await ask_bot_for_readiness()
    except Exception as error:
        ready, content = False, {"ready": False, "error": str(error)}
    return JSONResponse(content, status_code=200 if ready else 503)


@app.get("/livez")
async def livez():
    return {"status": "ok"}


@app.post("/bot")
async def start_session(body: Annotated[dict, Body()], session_id: SessionId = None):
    await run_session(session_arguments(session_id=session_id, body=body))
    return {}


@app.websocket("/ws")
async def start_websocket_session(websocket: WebSocket, session_id: SessionId = None, body: str | None = None):
    await websocket.accept()
    data = json.loads(base64.b64decode(body)) if body else None
    await run_session(session_arguments(websocket, session_id=session_id, body=data))
    if websocket.application_state == WebSocketState.CONNECTED:
        await websocket.close()


class WaitingServer(uvicorn.Server):
    """uvicorn's own shutdown would close the WebSockets at once."""

    async def shutdown(self, sockets=None):
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        deadline = time.monotonic() + float(os.environ.get("SHUTDOWN_TIMEOUT", 7200))
        while self.server_state.connections and not self.force_exit and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await self.lifespan.shutdown()


if __name__ == "__main__":
    port = int(os.environ.get("PORT", 8080))
    WaitingServer(uvicorn.Config(app, host="127.0.0.1", port=port)).run()
