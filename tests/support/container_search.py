"""Where canary.Search looks in a running container, from the host and as root."""

import os
import pathlib

WRITABLE = ("/run/agent-secrets", "/tmp", "/dev/shm", "/var/cache/agent-secrets")
PROCESS_FILES = ("cmdline", "comm", "environ", "maps", "mountinfo", "status")


def search_container(search, container, allowed):
    """/proc of every process, what is writable, and the log. `allowed` is the PID of the bot, whose environ is the
    one place where a value belongs; of init and sidecar the memory is searched too. How many processes there were."""
    pids = container.pids()
    for pid in pids:
        for name in PROCESS_FILES:
            if (pid, name) != (allowed, "environ"):
                search.bytes(pathlib.Path(f"/proc/{pid}/{name}").read_bytes(), f"/proc/{pid}/{name}")
        search_descriptors(search, pid)
        if pid != allowed:
            search.process(pid)
    for path in WRITABLE:
        search.tree(container.inside(path))
    search.text(container.log(), "the container's log")
    return len(pids)


def search_descriptors(search, pid):
    """Names and, where it is a file or memory (memfd), content of what a process holds open."""
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        search.text(os.readlink(descriptor), str(descriptor))
        if descriptor.is_file():
            search.bytes(descriptor.read_bytes(), f"{descriptor}, open in {pid}")
