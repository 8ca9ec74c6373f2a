"""Random env files for the tests that compare our readers with python-dotenv and with the official CLI.

AGENT_SECRETS_ENV_FILES=10000 makes that many files, AGENT_SECRETS_ENV_SEED=N others than the usual."""

import os
import random

COUNT = int(os.environ.get("AGENT_SECRETS_ENV_FILES", "300"))
SEED = int(os.environ.get("AGENT_SECRETS_ENV_SEED", "1"))

KEYS = ["A", "B", "KEY", "lower", "A_B", "A-B", "A.B", "1ST", "K" * 65, "\u00e9", "export", "exportX", "'A B'", "'A'",
        "'x=y'", "''", "A B", "$A", "\"A\"", ""]
BETWEEN = ["", "", "", " ", "  ", "\t", "\u00a0", "\u2028", "\x0b", "\x1f", "\x85"]
PIECES = ["a", "b c", "1", "#", " #", "\t# x", "=", "'", '"', "\\", "\\n", "\\'", '\\"', "\\\\", "\\q", "$", "${A}",
          "${B:-d}", "${KEY:-${A}}", "${HOME}", "${A", "}", "${}", "${A:B}", "\u00e9", "\U0001f511", "\u00a0", "\u2028",
          "\x0c", "\x1c", " ", "\t", "export ", "\ufeff"]
ENDS = ["\n", "\n", "\n", "\r\n", "\r", "\n\n", "\n \n", "", " "]


def _value(chance):
    body = "".join(chance.choices(PIECES, k=chance.randrange(5)))
    match chance.randrange(6):
        case 0 | 1:
            return body
        case 2:
            return f"'{body.replace(chr(39), '')}'"
        case 3:
            return f'"{body.replace(chr(34), "")}"'
        case 4:
            quote = chance.choice("'\"")
            return quote + body.replace(quote, "") + chance.choice(ENDS) + "more=1" + quote
        case _:
            return ""


def _statement(chance):
    export = chance.choice(["", "", "", "export ", "export\t"])
    key = chance.choice(KEYS[:5] if chance.random() < 0.7 else KEYS)
    equals = chance.choice(["=", "=", "=", "=", "=", "==", ""])
    comment = chance.choice(["", "", "", " # note", "#note", " x"])
    spaces = chance.choices(BETWEEN, k=4)
    return spaces[0] + export + key + spaces[1] + equals + spaces[2] + _value(chance) + spaces[3] + comment


def _tame_statement(chance):
    """Of the forms that the CLI takes, though it may read another value than python-dotenv."""
    spaces = chance.choices(BETWEEN, k=4)
    body = "".join(chance.choices(PIECES, k=chance.randrange(1, 5))).strip() or "x"
    quote = chance.choice(["", "", "'", '"'])
    return spaces[0] + chance.choice(KEYS[:6]) + spaces[1] + "=" + spaces[2] + quote + body + quote + spaces[3]


def content(number):
    """The bytes of file `number`. Every second one is tame: most files of the other kind are refused by the CLI."""
    chance = random.Random(f"{SEED}:{number}")
    make = _tame_statement if number % 2 else _statement
    text = "\ufeff" if chance.random() < 0.05 else ""
    for _ in range(chance.randrange(1, 7)):
        text += "# note" if chance.random() < 0.1 else make(chance)
        text += chance.choice(ENDS)
    data = text.encode()
    if chance.random() < 0.01:
        data += chance.choice([b"\xff", b"Z=\0"])
    return data


def write(directory):
    """COUNT files, named by their numbers."""
    for number in range(COUNT):
        (directory / f"{number:05}").write_bytes(content(number))
