#!/usr/bin/python3
"""Fails when a launch of the released injector takes more instructions than its budget.

It is a count, not a time, so a busy machine gives the same result. Lower a budget after making a launch
cheaper; raise it in the commit that needs it, with the reason. docs/performance.md shows where the instructions
go.
"""

import pathlib
import sys
import tempfile

import launch_scene
from process_cost import count_instructions
from support import programs

# In thousands, of dist/amd64/secret-injector on a processor with AVX2.
BUDGETS = {"secret-injector --env-file": 940, "secret-injector, TLS": 10_750}
SLACK = 1.05  # a signature's digits and a token's bytes differ from run to run


def main():
    if not launch_scene.is_static(launch_scene.injector()) or " avx2 " not in pathlib.Path("/proc/cpuinfo").read_text():
        print("instructions: the budgets are for the released file on a processor with AVX2")
        return 0
    with tempfile.TemporaryDirectory() as name, launch_scene.Scene(pathlib.Path(name)) as scene:
        return max(judge(launch) for launch in scene.launches() if launch.name in BUDGETS)


def judge(launch):
    command, exit_code = launch.counting("/bin/true")
    thousands = count_instructions(command, programs.clean_environment(), exit_code) / 1000
    budget = BUDGETS[launch.name]
    verdict = "too many" if thousands > budget * SLACK else "well"
    print(f"{launch.name:30} {thousands:8.0f} thousand instructions, budget {budget}: {verdict}")
    return int(thousands > budget * SLACK)


if __name__ == "__main__":
    sys.exit(main())
