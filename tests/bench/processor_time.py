"""The processor time that programs have used, in seconds."""

import os
import pathlib


class ProcessorTime:
    """The processor time of some processes and all of their child processes, also of children that have ended."""

    def __init__(self, *processes):
        self._processes = processes

    def used(self):
        return sum(_used(process) for process in self._processes)


def of_server(server):
    """The process id of the main process of a PostgresServer. Its children serve the connections."""
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def _used(process):
    """The time of the process, of its children that have ended, and of its running children (proc_pid_stat(5))."""
    try:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        children = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # a connection that has just ended: its parent has counted its time already
    ticks = sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK") + sum(_used(child) for child in children)
