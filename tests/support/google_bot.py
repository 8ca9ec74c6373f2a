"""A bot that signs with Google's library as a service account, whose key is in the file that
GOOGLE_APPLICATION_CREDENTIALS names. It reads the file four times: itself, by the library's default, in a thread, and
in a fork; it says `signed 4` when each signature was right, and stays."""

import ctypes
import os
import sys
import threading
import time

import google.auth
from google.auth import crypt
from google.oauth2 import service_account

PR_GET_DUMPABLE = 3
PUBLIC_KEY = os.environ["PUBLIC_KEY"].replace("|", "\n")


def signs(credentials):
    signature = credentials.sign_bytes(b"message")
    assert crypt.RSAVerifier.from_string(PUBLIC_KEY).verify(b"message", signature)
    return 1


def from_the_file():
    path = os.environ["GOOGLE_APPLICATION_CREDENTIALS"]
    return signs(service_account.Credentials.from_service_account_file(path))


def in_a_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return sum(results)


def in_a_fork(function):
    child = os.fork()
    if child == 0:
        os._exit(0 if function() == 1 else 1)
    return int(os.waitpid(child, 0)[1] == 0)


def main():
    if "protect" in sys.argv:
        from agent_secrets import protect

        assert protect()
    dumpable = ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
    signed = from_the_file() + signs(google.auth.default()[0]) + in_a_thread(from_the_file) + in_a_fork(from_the_file)
    print(f"user {os.getuid()}, dumpable {dumpable}, signed {signed}", flush=True)
    if "stay" in sys.argv:
        time.sleep(600)


if __name__ == "__main__":
    main()
