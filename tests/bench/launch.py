#!/usr/bin/python3
"""Launch time: whole processes, in one run, in random order. Usage: launch.py [--rounds N] [--write]

Prints a table; with --write it also goes into docs/performance.md, with the chart docs/launch.svg.
$AGENT_SECRETS_INJECTOR names the injector to measure; otherwise the released file in dist/amd64, otherwise the
build's.
"""

import argparse
import pathlib
import random
import statistics
import tempfile

import launch_report
import launch_scene
from process_cost import Stopwatch, compile_static, count_instructions
from support import programs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=80)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        with launch_scene.Scene(directory) as scene:
            peers, missing = scene.peers()
            launches = scene.launches() + peers
            target = str(compile_static("nothing", directory))
            samples = measure(launches, target, options.rounds, Stopwatch(directory))
            instructions = count(launches, target)
    rows = [row(launch, samples[launch.name], instructions.get(launch.name), samples) for launch in launches]
    rows.sort(key=lambda row: row.median_ms)
    launch_report.show(rows, missing, options.rounds)
    if options.write:
        launch_report.write(rows, missing, options.rounds)


def measure(launches, target, rounds, stopwatch):
    """{name: [(milliseconds, MiB)]}; the slow programs in every fourth round only."""
    samples = {launch.name: [] for launch in launches}
    environment = programs.clean_environment()
    for number in range(rounds):
        now = [launch for launch in launches if number % 4 == 0 or not launch.is_slow]
        for launch in random.sample(now, len(now)):
            samples[launch.name].append(stopwatch.run(launch.command(target), environment))
    return samples


def count(launches, target):
    """{name: instructions} of the counted launches."""
    counts = {}
    for launch in launches:
        if launch.is_counted:
            command, exit_code = launch.counting(target)
            counts[launch.name] = count_instructions(command, programs.clean_environment(), exit_code)
    return counts


def row(launch, taken, instructions, samples):
    times = [milliseconds for milliseconds, _ in taken]
    baseline = [milliseconds for milliseconds, _ in samples[launch_scene.BASELINE]]
    return launch_report.Row(
        name=launch.name,
        is_ours=launch.is_ours,
        median_ms=statistics.median(times),
        least_ms=min(times),
        median_ratio=statistics.median(times) / statistics.median(baseline),
        least_ratio=min(times) / min(baseline),
        peak_mib=statistics.median(memory for _, memory in taken),
        instructions=instructions,
    )


if __name__ == "__main__":
    main()
