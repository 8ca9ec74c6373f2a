"""What the server sends for the page, seen without a browser."""

import gzip

from support.programs import ROOT
from support.replicas import new_control_plane

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; "
          "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")


def test_the_page_has_the_headers_that_keep_foreign_pages_away(world):
    for path in ("/", "/web/app.js", "/web/style.css"):
        answer = world.rest.request("GET", path)
        assert answer.status == 200, answer
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Opener-Policy"] == answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-cache" and answer.headers["ETag"]


def test_answers_of_the_api_are_never_kept(world):
    for path in ("secrets", "fleet", "secrets/support-keys/usage", "members"):
        assert world.rest.org("GET", path).headers["Cache-Control"] == "no-store"


def test_a_browser_that_has_a_file_gets_no_body(world):
    tag = world.rest.request("GET", "/").headers["ETag"]
    again = world.rest.request("GET", "/", headers={"If-None-Match": tag})
    assert again.status == 304 and again.text == ""


def test_no_script_passes_for_another_type(world):
    assert world.rest.request("GET", "/web/app.js").headers["Content-Type"] == "text/javascript; charset=utf-8"
    refused = world.rest.request("GET", "/web/none.js")
    assert refused.status == 404 and refused.headers["Content-Type"] == "application/json" and refused.body["error"]


def test_the_whole_page_is_at_most_60_kb_compressed(world):
    files = [path for path in (ROOT / "web").rglob("*") if path.suffix in (".html", ".css", ".js", ".svg")]
    assert len(files) > 15
    total = sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)
    print(f"figure: {total} bytes compressed, {len(files)} files")
    assert total <= 60_000


def test_without_the_page_its_paths_are_not_there(tmp_path):
    with new_control_plane(tmp_path, serve_options=["--no-web"]) as running:
        rest = running.rest()
        for path in ("/", "/web/app.js", "/web/"):
            assert rest.request("GET", path).status == 404
        assert rest.org("GET", "secrets").status == 200
