"""Each form found in the env files of public Pipecat projects starts a bot with the values that python-dotenv gives. The
files here are our own, one for each form."""

import json
import subprocess
import sys

import pytest

from support import official_cli, programs

BOT = "import json, os; print(json.dumps(dict(os.environ)))"

JSON_KEY = '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nQUJD\\n-----END PRIVATE KEY-----\\n"}'
JSON_OVER_LINES = '{\n  "type": "service_account",\n  "client_email": "bot@example.invalid"\n}'
PEM = "-----BEGIN PRIVATE KEY-----\nQUJDREVGR0g=\nSUpLTE1OT1A==\n-----END PRIVATE KEY-----"

# {form: (the file, what the bot has of it)}
FORMS = {
    "plain": ("OPENAI_API_KEY=sk-1\nDAILY_API_KEY=d-2\n", {"OPENAI_API_KEY": "sk-1", "DAILY_API_KEY": "d-2"}),
    "no newline at the end": ("DEEPGRAM_API_KEY=dg-1", {"DEEPGRAM_API_KEY": "dg-1"}),
    "not filled in": ("CARTESIA_API_KEY=\nGROQ_API_KEY= \n", {"CARTESIA_API_KEY": "", "GROQ_API_KEY": ""}),
    "a placeholder with dots": ("DAILY_SAMPLE_ROOM_TOKEN=9c8...\n", {"DAILY_SAMPLE_ROOM_TOKEN": "9c8..."}),
    "a placeholder in angle brackets": ("WS_URI=wss://<your-host>/ws\n", {"WS_URI": "wss://<your-host>/ws"}),
    "lines of comment": ("# Keys of the services\n\n  # indented\n#OLD=1\nNEW=2\n", {"NEW": "2"}),
    "a heading drawn with lines": ("# ──── Transport — optional ────\nTRANSPORT=webrtc\n", {"TRANSPORT": "webrtc"}),
    "a key in a comment": ('# BOT_URL="https://api.example/{agent}/start"\nENV=local\n', {"ENV": "local"}),
    "a comment behind the value": ("ROOM=https://x.example/room # to join again\n", {"ROOM": "https://x.example/room"}),
    "a comment in place of the value": ("VOICE_ID= # see https://voices.example/list \n", {"VOICE_ID": ""}),
    "comments in a column": ("DAILY_API_KEY=d-1           # yours\nDAILY_API_URL=              # optional\n",
                             {"DAILY_API_KEY": "d-1", "DAILY_API_URL": ""}),
    "a comment behind quotes": ('MODEL="aura-2" # or "aura-1"\n', {"MODEL": "aura-2"}),
    "a hash inside of a URL": ("DOCS_URL=https://docs.example/#voices\n", {"DOCS_URL": "https://docs.example/#voices"}),
    "a hash inside of a password": ("DATABASE_URL=postgres://bot:p#ss@db.example/bot?sslmode=require\n",
                                    {"DATABASE_URL": "postgres://bot:p#ss@db.example/bot?sslmode=require"}),
    "a hash in quotes": ('PASSWORD="a #b"\n', {"PASSWORD": "a #b"}),
    "double quotes": ('BOT_START_URL="http://localhost:7860/start"\n', {"BOT_START_URL": "http://localhost:7860/start"}),
    "single quotes": ("GREETING='Hello, it\\'s me'\n", {"GREETING": "Hello, it's me"}),
    "nothing in quotes": ("EMPTY=\"\"\nNOTHING=''\n", {"EMPTY": "", "NOTHING": ""}),
    "spaces in an unquoted value": ("SYSTEM_PROMPT=You are a helpful bot.\n", {"SYSTEM_PROMPT": "You are a helpful bot."}),
    "spaces around the equals sign": ("DAILY_API_KEY = d-1\nOPENAI_API_KEY =sk-1\n",
                                      {"DAILY_API_KEY": "d-1", "OPENAI_API_KEY": "sk-1"}),
    "headers with equals signs": ("OTEL_HEADERS=Authorization=Basic QUI=,project=bot\n",
                                  {"OTEL_HEADERS": "Authorization=Basic QUI=,project=bot"}),
    "headers in quotes": ('OTEL_HEADERS="Authorization=Basic QUI="\n', {"OTEL_HEADERS": "Authorization=Basic QUI="}),
    "export": ('export DAILY_API_KEY="d-1"\nexport  OPENAI_API_KEY=sk-1\n', {"DAILY_API_KEY": "d-1", "OPENAI_API_KEY": "sk-1"}),
    "the same key twice": ("LLM=openai\nLLM=groq\n", {"LLM": "groq"}),
    "lower case": ("aws_region=us-west-2\n", {"aws_region": "us-west-2"}),
    "switches and numbers": ("RECORD=true\nPORT=7860\nSPEED=1.5\n", {"RECORD": "true", "PORT": "7860", "SPEED": "1.5"}),
    "a list": ("ORIGINS=http://a.example,http://b.example\nTAGS=[\"a\", 'b']\n",
               {"ORIGINS": "http://a.example,http://b.example", "TAGS": "[\"a\", 'b']"}),
    "a path in the home directory": ("GOOGLE_APPLICATION_CREDENTIALS=~/keys/bot.json\n",
                                     {"GOOGLE_APPLICATION_CREDENTIALS": "~/keys/bot.json"}),
    "Google credentials on one line": (f"GOOGLE_CREDENTIALS={JSON_KEY}\n", {"GOOGLE_CREDENTIALS": JSON_KEY}),
    "Google credentials in single quotes": (f"GOOGLE_CREDENTIALS='{JSON_KEY}'\n", {"GOOGLE_CREDENTIALS": JSON_KEY}),
    "Google credentials over several lines": (f"GOOGLE_CREDENTIALS='{JSON_OVER_LINES}'\nENV=local\n",
                                              {"GOOGLE_CREDENTIALS": JSON_OVER_LINES, "ENV": "local"}),
    "Google credentials with escaped quotes": ('GOOGLE_CREDENTIALS="{\\"type\\": \\"service_account\\"}"\n',
                                               {"GOOGLE_CREDENTIALS": '{"type": "service_account"}'}),
    "a private key over several lines": (f'APP_PRIVATE_KEY="{PEM}"\nAPP_ID=1\n', {"APP_PRIVATE_KEY": PEM, "APP_ID": "1"}),
    "a private key with escaped newlines": ('APP_PRIVATE_KEY="{}"\n'.format(PEM.replace("\n", "\\n")), {"APP_PRIVATE_KEY": PEM}),
    "saved on Windows": ("\ufeff# keys\r\nDAILY_API_KEY=d-1\r\nNAME=\"a b\"\r\n", {"DAILY_API_KEY": "d-1", "NAME": "a b"}),
    "another script": ("BOT_NAME=Zoë 🤖\nGRUSS='Grüß Gott'\n", {"BOT_NAME": "Zoë 🤖", "GRUSS": "Grüß Gott"}),
    "a dollar sign in a password": ("DB_PASSWORD=pa$$word$1\n", {"DB_PASSWORD": "pa$$word$1"}),
}

# With --expand, as load_dotenv() does unless it is told otherwise.
EXPANDED = {
    "a variable of the same file": ("AGENT=bot\nBOT_URL=https://api.example/${AGENT}/start\n",
                                    {"AGENT": "bot", "BOT_URL": "https://api.example/bot/start"}),
    "a variable without braces": ("IP=127.0.0.1\nSERVER=http://$IP:7860\n", {"IP": "127.0.0.1", "SERVER": "http://$IP:7860"}),
    "a default": ("LEVEL=${LOG_LEVEL_OF_THE_BOT:-INFO}\n", {"LEVEL": "INFO"}),
}

# Of [[path, whether with expansion], …].
DOTENV = """
import json, sys
from dotenv import dotenv_values
print(json.dumps([dotenv_values(path, interpolate=expand) for path, expand in json.load(sys.stdin)]))
"""

CASES = [pytest.param(*case, False, id=name) for name, case in FORMS.items()] + [
    pytest.param(*case, True, id=name) for name, case in EXPANDED.items()]


@pytest.fixture
def env_file(tmp_path):
    return tmp_path / ".env"


@pytest.mark.parametrize("content, expected, expand", CASES)
def test_a_bot_starts_with_the_values(content, expected, expand, env_file):
    env_file.write_bytes(content.encode())
    options = ["--expand"] if expand else []
    line = [programs.injector_program(), *options, "--env-file", env_file, "--", sys.executable, "-c", BOT]
    started = subprocess.run(line, env=programs.clean_environment(), capture_output=True, text=True, timeout=30)
    assert started.returncode == 0, started.stderr
    given = json.loads(started.stdout)
    assert {key: value for key, value in given.items() if key not in programs.clean_environment()} == expected


@pytest.fixture(scope="module")
def by_dotenv(tmp_path_factory):
    """{(content, whether with expansion): what python-dotenv reads}, by one process."""
    if not official_cli.installed():
        pytest.skip("python-dotenv comes with the official CLI; run script/bootstrap")
    directory = tmp_path_factory.mktemp("dotenv")
    cases = {}
    for number, case in enumerate(CASES):
        content, _, expand = case.values
        path = directory / f"{number}.env"
        path.write_bytes(content.encode())
        cases[content, expand] = [str(path), expand]
    python = official_cli.NEWEST.program.with_name("python")
    read = subprocess.run([python, "-c", DOTENV], input=json.dumps(list(cases.values())), capture_output=True, text=True,
                          timeout=30)
    assert read.returncode == 0, read.stderr
    return dict(zip(cases, json.loads(read.stdout), strict=True))


@pytest.mark.parametrize("content, expected, expand", CASES)
def test_python_dotenv_gives_the_same(content, expected, expand, by_dotenv):
    assert by_dotenv[content, expand] == expected
