#!/usr/bin/env python3
"""A client of examples/bot over its WebSocket, with real frames. Run by the Python that has Pipecat,
because it uses Pipecat's own protobuf definitions and the websockets package.

    voice_client.py ws://127.0.0.1:PORT/ws

Says each line of its standard input to the bot, and prints one line of JSON for each answer:
{"said": "…", "hertz": 1234, "seconds": 0.4}. Hangs up at the end of the input.
"""

import array
import asyncio
import json
import sys

import websockets
from pipecat.frames.protobufs import frames_pb2

TIMEOUT_SECONDS = 15


async def ask(connection, text):
    """Sends a text as from a speech recognizer; returns the reply after all its audio has arrived."""
    frame = frames_pb2.Frame()
    frame.transcription.text = text
    frame.transcription.user_id = "client"
    frame.transcription.timestamp = "2026-01-01T00:00:00Z"
    await connection.send(frame.SerializeToString())
    said, rate, samples = None, 0, array.array("h")
    while said is None or len(samples) < 0.4 * (rate or 1):
        answer = frames_pb2.Frame.FromString(await asyncio.wait_for(connection.recv(), TIMEOUT_SECONDS))
        kind = answer.WhichOneof("frame")
        if kind == "message":
            said = json.loads(answer.message.data).get("said", said)
        elif kind == "audio":
            rate = answer.audio.sample_rate
            samples.frombytes(answer.audio.audio)
    return {"said": said, "hertz": hertz(samples, rate), "seconds": round(len(samples) / rate, 2)}


def hertz(samples, rate):
    """The frequency of a pure tone, from the time between its first and its last rise through zero."""
    rises = [n for n in range(1, len(samples)) if samples[n - 1] < 0 <= samples[n]]
    return round((len(rises) - 1) * rate / (rises[-1] - rises[0])) if len(rises) > 1 else 0


async def main(url):
    loop = asyncio.get_running_loop()
    async with websockets.connect(url) as connection:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await ask(connection, line.strip())), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
