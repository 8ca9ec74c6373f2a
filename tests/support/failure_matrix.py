"""Runs the rows of support.failure_rows in parallel, reports every mismatch, and prints the table."""

import concurrent.futures
import dataclasses
import functools
import os
import re
import subprocess
import time

from support import programs
from support.failure_rows import (
    AT_DEADLINE, CACHE_ROWS, NOW, ROWS, WITH_LIBCURL_8, WITHIN_PATIENCE, CacheRow, Fails, Row, Starts,
)
from support.failure_scene import CACHED, TIMEOUT, Ended, Scene

WORKERS = 12
SLACK = 0.1  # seconds that a start may outlast --timeout
AT_ONCE = 0.4  # of --timeout
PATIENCE = 2.5  # seconds: the default of --cache-after, plus the delay of a busy machine
HELD = 0.7  # of --timeout: a start that ends at its deadline takes at least this part
CACHE_WARNING = "the control plane cannot be reached: starting with the cached secrets"


@dataclasses.dataclass(frozen=True)
class Case:
    """One start: a row with one of its two conditions."""

    row: Row | CacheRow
    condition: str

    @property
    def expected(self):
        if isinstance(self.row, CacheRow):
            return self.row.unreachable if self.condition == "unreachable" else self.row.reachable
        if self.condition == "fresh cache" and self.row.cache:
            return Starts(CACHED, CACHE_WARNING, self.row.cached_when or self.row.outcome.when)
        if has_libcurl_8() and self.row.fault in WITH_LIBCURL_8:
            message, hint = WITH_LIBCURL_8[self.row.fault]
            return dataclasses.replace(self.row.outcome, message=message, hint=hint)
        return self.row.outcome


@dataclasses.dataclass(frozen=True)
class Result:
    case: Case
    ended: Ended | None  # None: skipped, it needs root
    faults: list


def cases():
    return ([Case(row, condition) for row in ROWS for condition in ("no cache", "fresh cache")]
            + [Case(row, condition) for row in CACHE_ROWS for condition in ("unreachable", "reachable")])


def run_all(directory, certificates):
    """A result for every case. A case that was late is measured again, twice at most, without the other cases beside
    it. Then the time that any start takes on this machine before --timeout begins and after the report (a new process,
    its loader, a sanitizer's search for leaks at exit) is measured too, and subtracted."""
    numbered = list(enumerate(cases()))
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(lambda item: run(item[1], directory / str(item[0]), certificates), numbered))
    for number in range(len(results)):
        for again in range(2):
            if any(fault.startswith("took ") for fault in results[number].faults):
                floor = max(seconds_of_a_refused_option() for _ in range(3))
                results[number] = run(results[number].case, directory / f"{number}-again-{again}", certificates, floor)
    return results


def seconds_of_a_refused_option():
    """How long a start takes that fails before it does anything."""
    begin = time.monotonic()
    refused = subprocess.run([programs.injector_program(), "--no-such-option"], env=programs.clean_environment(),
                             stdin=subprocess.DEVNULL, capture_output=True)
    assert refused.returncode == 125
    return time.monotonic() - begin


def run(case, directory, certificates, floor=0.0):
    """`floor`: at most so many seconds of the measured time are not the start's own."""
    if case.row.root and not may_mount():
        return Result(case, None, [])
    with Scene(directory, certificates) as scene:
        if isinstance(case.row, CacheRow):
            arrange_cache_row(case, scene)
        else:
            case.row.arrange(scene)
            scene.with_cache = case.condition == "fresh cache"
            if scene.with_cache:
                scene.fill_cache()
        ended = scene.start()
        return Result(case, ended, list(mismatches(case.expected, ended, scene, floor)))


@functools.cache
def has_libcurl_8():
    """Whether libcurl is version 8, as in trixie; the dev build links the installed version."""
    version = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    return " libcurl/8." in version


@functools.cache
def may_mount():
    """Whether this process is root and may mount."""
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return os.geteuid() == 0 and subprocess.run(probe, capture_output=True).returncode == 0


def arrange_cache_row(case, scene):
    scene.with_cache = True
    scene.stand_by(reachable=case.condition == "reachable")
    case.row.arrange(scene)


def mismatches(expected, ended, scene, floor):
    """Sentences."""
    if isinstance(expected, Fails):
        yield from not_the_failure(expected, ended, scene)
    else:
        yield from not_the_start(expected, ended)
    yield from not_on_time(expected.when, ended, floor)
    for secret in scene.secrets():
        if secret in ended.stderr:
            yield f"stderr holds a secret: {ended.stderr!r}"


def not_the_failure(expected, ended, scene):
    if ended.exit_code != 125:
        yield f"exit code {ended.exit_code}, not 125: {ended.stderr!r}"
    wanted = [pattern(f"secret-injector: error: {expected.message}", scene), pattern(f"hint: {expected.hint}", scene)]
    announcements = ended.lines("warning ")
    if expected.announced and (len(announcements) != 1 or not re.fullmatch(
            pattern(f"warning secret-injector: {expected.announced}", scene), announcements[0])):
        yield f"announced {announcements}, not {expected.announced!r}"
    if len(ended.report) != 2 or not all(map(re.fullmatch, wanted, ended.report)):
        yield f"said {ended.report}, not {expected.message!r}, {expected.hint!r}"
    if ended.stdout:
        yield "the command ran"


def not_the_start(expected, ended):
    if ended.exit_code != 0 or ended.stdout.strip() != expected.value:
        yield f"exit code {ended.exit_code}, stdout {ended.stdout!r}, stderr {ended.stderr!r}"
    warnings = ended.lines("warning ")
    if ended.report or len(warnings) != bool(expected.warning) or expected.warning not in "".join(warnings):
        yield f"said {ended.stderr!r}, not {expected.warning!r}"


def not_on_time(when, ended, floor):
    taken = ended.seconds - floor
    if when == WITHIN_PATIENCE and taken > PATIENCE:
        yield f"took {taken:.2f} s, not {when}"
    if taken > ended.timeout + SLACK or (when == NOW and taken > AT_ONCE * ended.timeout):
        yield f"took {taken / ended.timeout:.2f} of --timeout, not {when}"
    if when == AT_DEADLINE and ended.ratio < HELD:
        yield f"gave up after {ended.ratio:.2f} of --timeout, not {when}"


def pattern(text, scene):
    """The regular expression for a message of the rows."""
    expression = re.escape(text)
    filled = {
        "PROXY:PORT": re.escape(scene.proxy_authority), "HOST:PORT": re.escape(scene.authority),
        "BASE-URL": re.escape((scene.urls or [""])[-1]), "DIR": re.escape(str(scene.cache)),
        "<n>": r"\d+", "<t>": r"\d+(\.\d)?s",
    }
    if "http://HOST:PORT" in text:  # a hint for any host
        del filled["HOST:PORT"]
    for name, value in filled.items():
        expression = expression.replace(re.escape(name), value)
    return expression


def table(results):
    """Lines: every row with the measured times of its two cases."""
    lines = [f"{'fault':64}  {'ends':>9}  {'time':>11}  message"]
    for first, second in zip(results[::2], results[1::2], strict=True):
        for result in (first, second):
            lines.append(line(result))
    return lines


def line(result):
    fault = f"{result.case.row.fault} [{result.case.condition}]"
    if result.ended is None:
        return f"{fault:64}  skipped: needs root and mounts"
    ended = result.ended
    word = "starts" if ended.exit_code == 0 else f"exit {ended.exit_code}"
    said = (ended.report or ended.lines("warning ") or [""])[0]
    said = said.removeprefix("secret-injector: error: ").removeprefix("warning secret-injector: ")
    mark = "  <- " + "; ".join(result.faults) if result.faults else ""
    return f"{fault:64}  {word:>9}  {ended.ratio:4.2f} x {ended.timeout} s  {said[:90]}{mark}"
