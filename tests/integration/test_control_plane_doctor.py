"""`secret-control-plane doctor` beside a real server."""

import json
import os
import signal

from support.control_plane import ControlPlane
from support.wait import wait_for

WARNINGS, FAILED = 5, 1


def doctor(control_plane, *options):
    """(exit code, {check: step})"""
    finished = control_plane.run("doctor", "--json", *options, check=False, timeout=60)
    report = json.loads(finished.stdout)
    assert report["exit_code"] == finished.returncode
    return finished.returncode, {step["name"]: step for step in report["steps"]}


def test_a_server_that_was_never_backed_up_has_one_warning(control_plane, tmp_path):
    rest = control_plane.rest()
    wait_for(lambda: rest.request("GET", "/readyz").status == 200, 20, "the server being ready")
    wait_for(lambda: doctor(control_plane)[1]["leases"]["status"] == "ok", 30, "the leases")
    code, steps = doctor(control_plane, "--url", control_plane.url)
    assert {name: step["status"] for name, step in steps.items() if step["status"] != "ok"} == {"backup": "warning"}
    assert code == WARNINGS
    assert ("notices" in steps) == bool(control_plane.database)
    control_plane.run("backup", "create", tmp_path / "one.backup")
    assert doctor(control_plane)[0] == 0
    human = control_plane.run("doctor").stdout
    assert "all is well" in human and "\x1b" not in human


def test_a_server_that_does_not_answer_fails(tmp_path):
    with ControlPlane(tmp_path / "cp") as control_plane:
        control_plane.process.send_signal(signal.SIGTERM)
        control_plane.process.wait(20)
        code, steps = doctor(control_plane, "--url", control_plane.url)
        assert code == FAILED
        assert steps["server"]["status"] == "failed"
        assert steps["schema"]["status"] == "ok"


def test_a_doctor_changes_nothing(tmp_path):
    with ControlPlane(tmp_path / "cp") as control_plane:
        control_plane.stop()
        names = sorted(os.listdir(control_plane.data_dir))
        content = (control_plane.data_dir / "catalog.db").read_bytes()
        doctor(control_plane)
        assert (control_plane.data_dir / "catalog.db").read_bytes() == content
        assert [name for name in sorted(os.listdir(control_plane.data_dir)) if name not in names] == []
