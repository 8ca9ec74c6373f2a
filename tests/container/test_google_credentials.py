"""Google credentials by --file: google-auth reads them in the base image as user 10001, on a read-only root, after
protect(), in a thread and in a fork. Nothing asks Google: a generated key signs, and its public half verifies."""

import json
import subprocess

import pytest
from support import programs
from support.canary import Search
from support.container_search import search_container

PACKAGES = programs.ROOT / "build" / "google-auth" / "lib" / "python3.11" / "site-packages"
MOUNTS = {
    "/app/google_bot.py": programs.ROOT / "tests" / "support" / "google_bot.py",
    "/opt/google-auth": PACKAGES.resolve(),
}
IN_MEMORY = "GOOGLE_CREDENTIALS=GOOGLE_APPLICATION_CREDENTIALS"
AT_A_PATH = IN_MEMORY + ":/run/agent-secrets/files/google.json"

pytestmark = pytest.mark.skipif(
    not PACKAGES.exists(), reason="google-auth is not installed for bookworm's Python 3.11; run script/e2e-container there")


@pytest.fixture(scope="module")
def key_pair():
    """(private, public) in PEM."""
    private = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, text=True, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout"], input=private, capture_output=True, text=True, check=True)
    return private, public.stdout


@pytest.fixture
def google_credential(control_plane, rest, key_pair):
    """Of an agent whose set has a service account."""
    account = json.dumps({
        "type": "service_account", "project_id": "project", "private_key_id": "1", "private_key": key_pair[0],
        "client_email": "bot@project.iam.gserviceaccount.com", "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }, indent=2)
    assert rest.put_secrets("google", GOOGLE_CREDENTIALS=account).status == 202
    control_plane.wait_ready("google")
    assert rest.deploy("google-bot", secretSet="google").status == 200
    return control_plane.issue_credential("google-bot")


@pytest.fixture
def start(run, images, google_credential, key_pair):
    """start(--file's word, the bot's words)"""
    def started(file, *words):
        image = images.base("bookworm")
        entrypoint = images.config(image)["Entrypoint"]
        at = entrypoint.index("secret-injector") + 1
        environment = {"PYTHONPATH": "/opt/google-auth", "PUBLIC_KEY": key_pair[1].replace("\n", "|")}
        return run(image, credential=google_credential, mounts=MOUNTS, environment=environment,
                   entrypoint=[*entrypoint[:at], "--file", file, *entrypoint[at:]],
                   command=["python3", "/app/google_bot.py", *words, "stay"])
    return started


@pytest.mark.parametrize("file", [IN_MEMORY, AT_A_PATH], ids=["in memory", "at a path"])
def test_googles_library_signs_with_the_key(start, file):
    bot = start(file, "protect")
    bot.wait_logged("user 10001, dumpable 0, signed 4")


def test_the_key_is_in_the_file_and_nowhere_else(start, key_pair):
    bot = start(IN_MEMORY)
    bot.wait_logged("signed 4")
    search = Search({"a line of the key": key_pair[0].splitlines()[5]})
    pid = bot.pid_of("google_bot.py")
    search_container(search, bot, allowed=None)
    places = {leak.split(" in ", 1)[1].split(" at ")[0] for leak in search.leaks}
    assert places == {f"/proc/{pid}/fd/100, open in {pid}", f"/proc/{pid}/mem"}


def test_at_a_path_it_is_in_that_file_too(start, key_pair):
    bot = start(AT_A_PATH)
    bot.wait_logged("signed 4")
    search = Search({"a line of the key": key_pair[0].splitlines()[5]})
    pid = bot.pid_of("google_bot.py")
    search_container(search, bot, allowed=None)
    places = {leak.split(" in ", 1)[1].split(" at ")[0] for leak in search.leaks}
    assert places == {str(bot.inside("/run/agent-secrets/files/google.json")), f"/proc/{pid}/mem"}
