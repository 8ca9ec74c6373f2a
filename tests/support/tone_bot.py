"""A caller for examples/bot, and keys with different tones: the caller hears the tone of the bot's key."""

import hashlib
import json
import secrets
import subprocess

from support import programs

PIPECAT = programs.ROOT / "build" / "pipecat"  # by script/bootstrap --pipecat
PYTHON = PIPECAT / "bin" / "python"


def tone_of(key):
    """The tone that the bot's service makes from a key."""
    return 300 + 10 * (hashlib.blake2b(key.encode(), person=b"tone").digest()[0] % 128)


def two_keys():
    """Random keys with different tones."""
    first = second = f"sk-tone-{secrets.token_hex(16)}"
    while tone_of(first) == tone_of(second):
        second = f"sk-tone-{secrets.token_hex(16)}"
    return first, second


class Caller:
    """A session with the bot: say() and hear the tone; leaving the block hangs up."""

    def __init__(self, url):
        self.process = subprocess.Popen(
            [PYTHON, "-B", programs.ROOT / "tests" / "support" / "voice_client.py", url],
            env=programs.clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(20) == 0
        self.process.stdout.close()

    def say(self, text):
        """The tone of the answer, in hertz."""
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer["said"] == text
        return answer["hertz"]
