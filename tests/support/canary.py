"""Searches for a secret value in places where it must not be, in every encoding that it could have.

The search is for plain bytes, base64 and base64url (at each of the three alignments inside a longer text), hex,
JSON-escaped and UTF-16. test_canary.py plants each encoding and finds it.
"""

import base64
import json
import os
import pathlib


def shapes(canary):
    """{shape name: bytes to look for}."""
    raw = canary.encode()
    found = {"plain": raw, "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode()}
    for offset in range(3):
        # Characters that also depend on a neighbour byte are cut off.
        text = base64.b64encode(b"\0" * offset + raw)
        first = (0, 2, 3)[offset]
        sure = text[first : (offset + len(raw)) * 8 // 6]
        found[f"base64+{offset}"] = sure
        found[f"base64url+{offset}"] = sure.replace(b"+", b"-").replace(b"/", b"_")
    found["JSON"] = json.dumps(canary)[1:-1].encode()
    found["JSON, escaped slash"] = found["JSON"].replace(b"/", b"\\/")
    found["UTF-16LE"] = canary.encode("utf-16-le")
    found["UTF-16BE"] = canary.encode("utf-16-be")
    return found


class Search:
    """Collects leaks of several canaries: {name: value}. A leak is "canary (shape) in place"."""

    def __init__(self, canaries):
        for name, value in canaries.items():
            assert len(value) >= 12, f"canary {name} is too short to be searched in all shapes"
        self._needles = [
            (name, shape, needle)
            for name, value in canaries.items()
            for shape, needle in shapes(value).items()
        ]
        self.leaks = []
        self.places = 0

    def bytes(self, content, place):
        """True if clean."""
        self.places += 1
        hits = {(name, shape) for name, shape, needle in self._needles if needle in content}
        self.leaks += [f"{name} ({shape}) in {place}" for name, shape in sorted(hits)]
        return not hits

    def text(self, content, place):
        return self.bytes(content.encode("utf-8", "surrogateescape"), place)

    def tree(self, directory, exclude=()):
        """Searches names and contents of every file below; returns the number of files read."""
        excluded = {pathlib.Path(path).resolve() for path in exclude}
        count = 0
        for path in sorted(pathlib.Path(directory).rglob("*")):
            self.bytes(os.fsencode(path), f"the name {path}")
            if path.is_symlink() or not path.is_file() or path.resolve() in excluded:
                continue
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # a journal that a running program removed meanwhile
            self.bytes(content, str(path))
            count += 1
        return count

    def process(self, pid, memory=True):
        """Searches command line, environment and memory of a process. PermissionError if the kernel forbids it;
        for a program that made itself undumpable this counts as clean."""
        for name in ("cmdline", "environ"):
            self.bytes(pathlib.Path(f"/proc/{pid}/{name}").read_bytes(), f"/proc/{pid}/{name}")
        if memory:
            for start, content in readable_memory(pid):
                self.bytes(content, f"/proc/{pid}/mem at {start:#x}")


SHADOW = 1 << 36  # our mappings are shorter; those of AddressSanitizer are longer


def readable_memory(pid):
    """Yields (address, bytes) of every readable mapping; guard pages are skipped."""
    mappings = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in mappings:
            span, permissions = line.split()[:2]
            if permissions[0] != "r" or line.endswith(("[vvar]", "[vsyscall]")):
                continue
            start, end = (int(edge, 16) for edge in span.split("-"))
            if end - start >= SHADOW:
                continue
            try:
                memory.seek(start)
                yield start, memory.read(end - start)
            except (OSError, OverflowError):
                continue
