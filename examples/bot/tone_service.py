"""A text-to-speech service behind Pipecat's interface that works without a network.

It stands for a vendor's: it wants a key, and another key is another account, here another tone.
"""

import array
import hashlib
import math
from collections.abc import AsyncGenerator

from pipecat.frames.frames import Frame, TTSAudioRawFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService

SAMPLE_RATE = 16_000
SECONDS = 0.4
VOLUME = 12_000


def tone_of(api_key: str) -> int:
    """Hertz, 300 to 1570 in steps of 10: seven bits of a hash, which is all that is heard of the key."""
    return 300 + 10 * (hashlib.blake2b(api_key.encode(), person=b"tone").digest()[0] % 128)


class ToneTTSService(TTSService):
    """Speaks every text as one tone."""

    def __init__(self, *, api_key: str | None, **kwargs):
        super().__init__(
            sample_rate=SAMPLE_RATE,
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model=None, voice=None, language=None),
            **kwargs,
        )
        if not api_key:
            raise ValueError("ToneTTSService needs an api_key: set TONE_API_KEY in the agent's secret set")
        self._hertz = tone_of(api_key)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        turn = 2 * math.pi * self._hertz / self.sample_rate
        samples = array.array("h", (int(VOLUME * math.sin(turn * n)) for n in range(int(SECONDS * self.sample_rate))))
        yield TTSAudioRawFrame(samples.tobytes(), self.sample_rate, 1, context_id=context_id)
