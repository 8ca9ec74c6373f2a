"""The page reads a pasted .env as python-dotenv reads the file: the same random files go to both."""

import json
import re
import subprocess

import pytest

from support import official_cli, random_env_files

DRIVER = """
import json, logging, pathlib, sys
from dotenv import dotenv_values
logging.disable()
out = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        out[path.name] = dict(dotenv_values(path, interpolate=False))
    except (ValueError, UnicodeDecodeError):
        pass
json.dump(out, sys.stdout)
"""
KEY = re.compile("[A-Za-z0-9_-]{1,64}")


def test_a_pasted_file_is_read_as_dotenv_reads_it(fresh, world, tmp_path):
    if not official_cli.NEWEST.installed():
        pytest.skip("python-dotenv comes with the official CLI; run script/bootstrap")
    random_env_files.write(tmp_path)
    python = official_cli.NEWEST.program.with_name("python")
    finished = subprocess.run([python, "-c", DRIVER, tmp_path], capture_output=True, check=True, timeout=300)
    wanted = {name: {key: value for key, value in pairs.items() if KEY.fullmatch(key) and value and "\0" not in value}
              for name, pairs in json.loads(finished.stdout).items()}
    texts = {name: (tmp_path / name).read_bytes().decode() for name in wanted}
    fresh.driver.get(world.url)
    fresh.find("h1")
    found = fresh.driver.execute_async_script("""
        const [texts, done] = arguments;
        import('/web/lib/env_file.js').then(({ parseEnvFile }) => done(Object.fromEntries(Object.entries(texts).map(
          ([name, text]) => [name, Object.fromEntries(parseEnvFile(text).pairs.map((pair) => [pair.key, pair.value]))]))));
        """, texts)
    different = [name for name in wanted if found[name] != wanted[name]]
    assert not different, [(texts[name], wanted[name], found[name]) for name in different[:3]]


def test_a_large_pasted_file_is_read_in_less_than_a_second(fresh, world):
    fresh.driver.get(world.url)
    fresh.find("h1")
    took = fresh.driver.execute_async_script("""
        const done = arguments[0];
        const texts = ['# x\\nKEY=value\\n'.repeat(70000), 'KEY=' + ' x'.repeat(1000) + ' '.repeat(1e6) + 'x', '"\\'\\n'.repeat(300000)];
        import('/web/lib/env_file.js').then(({ parseEnvFile }) => done(texts.map((text) => {
          const start = performance.now();
          parseEnvFile(text);
          return performance.now() - start;
        })));""")
    assert max(took) < 1000, took
