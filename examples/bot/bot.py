"""A Pipecat bot with a secret: it repeats what it is told in a tone that only its API key gives.

It needs no account and no model, so it shows where a secret goes and what happens when it changes:

    client ── TranscriptionFrame ──▶ Parrot ──▶ ToneTTSService(api_key) ──▶ audio ──▶ client

Runs in Pipecat Cloud's base image, which finds bot() and readyz() here, and by itself with Pipecat's
development runner: python bot.py -t websocket --port 8080

Nothing here reads a .env file. Pipecat's runner loads one over the environment, so keep none in the
image: it would beat the secret set.
"""

import os

from agent_secrets import readyz, session
from pipecat.frames.frames import (
    OutputTransportMessageUrgentFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import WebSocketRunnerArguments
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

from tone_service import SAMPLE_RATE, ToneTTSService


class Parrot(FrameProcessor):
    """Where another bot has its LLM: answers what was said, as text and to be spoken."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame) and direction == FrameDirection.DOWNSTREAM:
            await self.push_frame(OutputTransportMessageUrgentFrame(message={"said": frame.text}))
            await self.push_frame(TTSSpeakFrame(frame.text))
        else:
            await self.push_frame(frame, direction)


@session()
async def bot(runner_args: WebSocketRunnerArguments):
    """One session, until the client hangs up."""
    transport = FastAPIWebsocketTransport(
        websocket=runner_args.websocket,
        params=FastAPIWebsocketParams(audio_out_enabled=True, serializer=ProtobufFrameSerializer()),
    )
    tts = ToneTTSService(api_key=os.getenv("TONE_API_KEY"))
    worker = PipelineWorker(
        Pipeline([transport.input(), Parrot(), tts, transport.output()]),
        params=PipelineParams(audio_out_sample_rate=SAMPLE_RATE),
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
    )

    @transport.event_handler("on_client_disconnected")
    async def hang_up(_transport, _client):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def add_probes(app):
    """The development runner has no /readyz and /livez of its own, as the base image's app has."""
    from fastapi.responses import JSONResponse

    @app.get("/readyz")
    async def ready():
        answer = readyz()
        return JSONResponse(answer, status_code=200 if answer["ready"] else 503)

    @app.get("/livez")
    async def live():
        return {"status": "ok"}


if __name__ == "__main__":
    from pipecat.runner.run import app, main

    add_probes(app)
    main()
