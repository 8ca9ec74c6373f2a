"""Faults on the way to the control plane: one of several URLs, an HTTP proxy."""

from support import misbehaving_server as bad
from support.failure_rows.row import AT_DEADLINE, NETWORK, WITHIN, Row, Starts, fetch, refuses
from support.failure_scene import HOST, PASSWORD

PROXY = "check https_proxy; a host in no_proxy is asked without the proxy"


def through_proxy(behaviour=None, user="", server=bad.good, **options):
    def arrange(scene):
        scene.serve(server, "good", host=HOST)
        scene.proxy(behaviour, user, **options)
    return arrange


def dead_proxy(scene):
    scene.serve(bad.good, "good", host=HOST)
    scene.proxy_authority = bad.refused_authority()
    scene.variables["https_proxy"] = f"http://user:{PASSWORD}@{scene.proxy_authority}"


def unreadable_proxy(scene):
    scene.serve(bad.good, "good", host=HOST)
    scene.variables["https_proxy"] = f"http://user:{PASSWORD}@proxy:port"


def no_proxy(scene):
    dead_proxy(scene)
    scene.variables["NO_PROXY"] = f"other.test,{HOST}"
    scene.replace_file("/etc/hosts", f"127.0.0.1 {HOST}\n")


def two(first, second):
    def arrange(scene):
        for one in (first, second):
            if one is None:
                scene.reach(bad.refused_authority())
            else:
                scene.serve(one)
    return arrange


SECTIONS = {
    "Several URLs": [
        Row("first URL refuses, second is well", two(None, bad.good), Starts()),
        Row("first URL hangs, second is well", two(bad.silent, bad.good), Starts(when=WITHIN)),
        Row("first URL answers 503, second is well", two(bad.says(503), bad.good), Starts()),
        Row("both URLs refuse", two(None, None),
            fetch("connect HOST:PORT: connection refused", NETWORK, WITHIN), cache=True),
        Row("first URL forbids, second is well", two(bad.explains(403, "revoked"), bad.good),
            refuses(403, "revoked", "credential cred-1 has been revoked",
                    "issue a new credential for agent 'bot' and mount it here")),
    ],
    "Proxies": [
        Row("proxy: works", through_proxy(), Starts()),
        Row("proxy: works with a password", through_proxy(user=f"user:{PASSWORD}@", wants=f"user:{PASSWORD}"),
            Starts()),
        Row("proxy: dead, but named in NO_PROXY", no_proxy, Starts(), root=True),
        Row("proxy: nobody listens", dead_proxy,
            fetch("connect proxy PROXY:PORT: connection refused", PROXY, WITHIN), cache=True),
        Row("proxy: never answers", through_proxy(bad.silent),
            fetch("ask proxy PROXY:PORT for HOST:PORT: timed out after <t>", PROXY, AT_DEADLINE), cache=True),
        Row("proxy: closes", through_proxy(bad.closes_after_the_request),
            fetch("ask proxy PROXY:PORT for HOST:PORT: the connection broke off", PROXY, WITHIN), cache=True),
        Row("proxy: wants a password", through_proxy(wants=f"user:{PASSWORD}"),
            fetch("ask proxy PROXY:PORT for HOST:PORT: it answered 407",
                  "give the proxy's user and password in https_proxy", WITHIN), cache=True),
        Row("proxy: wrong password", through_proxy(user=f"user:{PASSWORD}@", wants="user:another"),
            fetch("ask proxy PROXY:PORT for HOST:PORT: it answered 407",
                  "give the proxy's user and password in https_proxy", WITHIN), cache=True),
        Row("proxy: 403", through_proxy(refuses=403),
            fetch("ask proxy PROXY:PORT for HOST:PORT: it answered 403",
                  "let the proxy connect to the control plane, or use no_proxy", WITHIN), cache=True),
        Row("proxy: 502", through_proxy(refuses=502),
            fetch("ask proxy PROXY:PORT for HOST:PORT: it answered 502",
                  "check that the proxy can reach the control plane", WITHIN), cache=True),
        Row("proxy: its URL is none", unreadable_proxy,
            fetch("get BASE-URL/instance/v1/bundle: https_proxy is not the URL of a proxy",
                  "set it to http://HOST:PORT, or name the control plane's host in no_proxy")),
    ],
}
