#!/usr/bin/python3
"""Fails when a launch of the released injector or a bundle request takes more instructions than its budget.

It is a count, not a time, so a busy machine gives the same result. Lower a budget after making a launch or a request
cheaper; raise it in the commit that needs it, with the reason. docs/performance.md shows where the instructions go.
"""

import pathlib
import sys
import tempfile

import bundle_instructions
import launch_scene
from process_cost import count_instructions
from support import programs

# In thousands, on bookworm and a processor with AVX2: dist/amd64/secret-injector, and build/dev/…/secret-control-plane.
LAUNCH_BUDGETS = {"secret-injector --env-file": 940, "secret-injector, TLS": 9_840}
BUNDLE_BUDGET = 1_680
LAUNCH_SLACK = 1.05  # a signature's digits and a token's bytes differ from run to run
BUNDLE_SLACK = 1.02  # the mean of some hundred requests


def main():
    if " avx2 " not in pathlib.Path("/proc/cpuinfo").read_text():
        print("instructions: the budgets are for a processor with AVX2")
        return 0
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        return max(judge_bundle(directory / "bundle"), judge_launches(directory / "launch"))


def judge_launches(directory):
    if not launch_scene.is_static(launch_scene.injector()):
        print("instructions: the budgets of a launch are for the released file (script/release)")
        return 0
    with launch_scene.Scene(directory) as scene:
        return max(judge_launch(launch) for launch in scene.launches() if launch.name in LAUNCH_BUDGETS)


def judge_launch(launch):
    command, exit_code = launch.counting("/bin/true")
    count = count_instructions(command, programs.clean_environment(), exit_code)
    return judge(launch.name, count, LAUNCH_BUDGETS[launch.name], LAUNCH_SLACK)


def judge_bundle(directory):
    if "build/dev/" not in str(programs.control_plane_program()):
        print("instructions: the budget of a bundle is for build/dev (script/instructions)")
        return 0
    return judge("a bundle request", bundle_instructions.count(directory), BUNDLE_BUDGET, BUNDLE_SLACK)


def judge(what, count, budget, slack):
    thousands = count / 1000
    verdict = "too many" if thousands > budget * slack else "well"
    print(f"{what:30} {thousands:8.0f} thousand instructions, budget {budget}: {verdict}", flush=True)
    return int(thousands > budget * slack)


if __name__ == "__main__":
    sys.exit(main())
