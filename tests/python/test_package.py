"""The package installs by name, with its types, at the project's version."""

import re
import shutil
import subprocess
import zipfile

import pytest
from support.programs import ROOT

PIP = ROOT / ".venv" / "bin" / "pip"


def test_it_has_the_projects_version():
    import agent_secrets

    project = re.search(r"project\(agent_secrets VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    packaged = re.search(r'^version = "([\d.]+)"', (ROOT / "base-image" / "pyproject.toml").read_text(), re.M)[1]
    assert agent_secrets.__version__ == packaged == project


def test_pip_installs_it_with_its_types(tmp_path):
    if not PIP.exists():
        pytest.skip("no package index was reachable for script/bootstrap, and pip needs one for setuptools")
    source = tmp_path / "base-image"  # pip leaves a build folder in the source
    shutil.copytree(ROOT / "base-image", source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    subprocess.run([PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, source], check=True, timeout=120)
    [wheel] = tmp_path.glob("agent_secrets-*-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {f"agent_secrets/{path.name}" for path in (ROOT / "base-image" / "agent_secrets").glob("*.py*")}
    assert shipped <= set(names) and "agent_secrets/py.typed" in names


def test_it_needs_no_other_package(tmp_path):
    code = "import sys, agent_secrets; print(sorted({m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names)))"
    command = ["/usr/bin/python3", "-I", "-S", "-B", "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'base-image')!r})\n{code}"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert output.strip() == "['__main__', 'agent_secrets']"
