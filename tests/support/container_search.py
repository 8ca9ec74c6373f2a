"""The places that canary.Search searches in a running container, from the host and as root."""

import os
import pathlib

WRITABLE = ("/run/agent-secrets", "/tmp", "/dev/shm", "/var/cache/agent-secrets")
PROCESS_FILES = ("cmdline", "comm", "environ", "maps", "mountinfo", "status")


def search_container(search, container, allowed):
    """Searches /proc of every process, all writable places, and the log. `allowed` is the PID of the bot: its
    environ is the only place that may have a value. The memory of init and sidecar is searched too. Returns the
    number of processes."""
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
    """Searches the names of a process's open descriptors and, for files and memory (memfd), their content."""
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        search.text(os.readlink(descriptor), str(descriptor))
        if descriptor.is_file():
            search.bytes(descriptor.read_bytes(), f"{descriptor}, open in {pid}")
