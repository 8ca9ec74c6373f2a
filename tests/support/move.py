"""Runs `secret-control-plane move`, and other commands on the places before and after it. A place is the path of a data
directory, or the URL of a database."""

import dataclasses
import os
import subprocess
import time

from support import programs


@dataclasses.dataclass(frozen=True)
class Moved:
    returncode: int
    stdout: str
    stderr: str
    seconds: float
    peak_kib: int


def move_command(source, target, master_key_file):
    place = ["--database" if "://" in str(source) else "--data-dir", source]
    place += ["--to" if "://" in str(target) else "--to-data-dir", target]
    return [str(part) for part in
            (programs.control_plane_program(), "move", *place, "--master-key-file", master_key_file)]


def move(source, target, master_key_file, **environment):
    begun = time.monotonic()
    process = subprocess.Popen(
        move_command(source, target, master_key_file), env=programs.clean_environment(**environment),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    stdout, stderr = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Moved(process.returncode, stdout, stderr, time.monotonic() - begun, usage.ru_maxrss)


def assert_refused(finished, *says, code=1):
    assert finished.returncode == code, finished.stderr
    assert "secret-control-plane: error: " in finished.stderr and "\nhint: " in finished.stderr
    for words in says:
        assert words in finished.stderr


def run(place, master_key_file, *arguments):
    words = [programs.control_plane_program(), *arguments, "--database" if "://" in str(place) else "--data-dir", place,
             "--master-key-file", master_key_file]
    return subprocess.run([str(word) for word in words], env=programs.clean_environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)


def holds_no_catalog(place, master_key_file):
    # The list first: where there is a catalog, serve would not end.
    for words in (("region", "list"), ("serve", "--listen", "127.0.0.1:0")):
        refused = run(place, master_key_file, *words)
        if refused.returncode == 0:
            return False
        assert "holds no catalog" in refused.stderr or "no such file" in refused.stderr.lower(), refused.stderr
    return True


def use(control_plane, place):
    """Makes the next start use this data directory or database."""
    if "://" in str(place):
        control_plane._database = place
    else:
        control_plane._database = None
        control_plane.data_dir = place
