"""What the official CLI's `secrets set --file` reads from env files, asked of the CLI's own function: run by the Python of
its virtual environment, without a network. The API is replaced by one that keeps what it is sent and refuses what the
control plane refuses: a wrong or too long name, a NUL.

Usage: python cli_file_reader.py DIRECTORY. Prints {file: {"pairs": {key: value} or null where the file is refused,
"lines": what is stored once the lines that are refused are taken out, or null where it is not UTF-8}} as JSON."""

import asyncio
import json
import pathlib
import re
import sys

import typer
from loguru import logger
from pipecatcloud.cli.commands import secrets
from pipecatcloud.cli.config import config


class Api:
    """Stands for the control plane, which has no such set yet."""

    def __init__(self):
        self.stored = {}
        self.has_refused = False

    async def secrets_get(self, **_):
        return None, None

    async def secrets_list(self, **_):
        return None, None

    async def secrets_upsert(self, data, **_):
        key, value = data["secretKey"], data["secretValue"]
        if not re.fullmatch("[A-Za-z0-9_-]{1,64}", key) or "\0" in value:
            self.has_refused = True
            return None, "refused"
        self.stored[key] = value
        return {"region": "us-west"}, None


# 1.4.0 names it create_set, 0.6.0 set. __wrapped__ is the coroutine function without the thread that it runs in.
COMMAND = (getattr(secrets, "create_set", None) or secrets.set).__wrapped__


async def read(path):
    """The pairs, or None."""
    secrets.API = api = Api()
    try:
        ended = await COMMAND(name="a-set", secrets=None, from_file=str(path), skip_confirm=True, organization=None,
                              region=None)
    except typer.Exit as exit_:
        ended = exit_
    # 0.6.0 returns the Exit that it means to raise.
    return api.stored if ended is None and not api.has_refused else None


async def read_by_line(path, scratch):
    stored = {}
    with path.open(encoding="utf-8") as file:
        try:
            lines = list(file)
        except UnicodeDecodeError:
            return None
    for line in lines:
        scratch.write_text(line, encoding="utf-8")
        stored.update(await read(scratch) or {})
    return stored


async def read_all(directory):
    scratch = directory.with_name(directory.name + "-line")
    answers = {}
    for path in sorted(directory.iterdir()):
        pairs = await read(path)
        answers[path.name] = {"pairs": pairs, "lines": await read_by_line(path, scratch) if pairs is None else pairs}
    return answers


if __name__ == "__main__":
    logger.remove()
    secrets.console.quiet = True
    config.override_locally("token", "token")
    config.override_locally("org", "org")
    json.dump(asyncio.run(read_all(pathlib.Path(sys.argv[1]))), sys.stdout)
