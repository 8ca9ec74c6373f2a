"""Faults of the cache, each with the control plane unreachable and with the control plane well."""

import fcntl
import os
import time

from support.failure_rows.row import NETWORK, OURS_ALONE, THEIRS, WITHIN, CacheRow, Fails, Starts, fetch, flipped
from support.failure_scene import CACHED, FETCHED

REMOVE = "find out who changed it, then remove it: the next start fetches a new one"
FILE = "cache: DIR/cred-1.bundle: "
SERVED = Starts(CACHED, "the control plane cannot be reached: starting with the cached secrets", WITHIN)
NOT_KEPT = Starts(FETCHED, "the secrets could not be cached", WITHIN)
UNUSABLE = Starts(FETCHED, "the cache cannot be used: no start without the control plane, no memory against roll-back")


def unusable_cache(message, hint=REMOVE):
    """Such a cache serves no start in an outage, and does not stop a start that needs no cache."""
    return fetch(f"connect HOST:PORT: connection refused; and the cache cannot be used: {message}", hint,
                 WITHIN), UNUSABLE


def required_cache(message, hint=REMOVE):
    """With --cache=required the start is refused, whether or not the control plane can be reached."""
    return Fails(message, hint), Fails(message, hint)


def required(arrange):
    def arrange_it(scene):
        scene.options += ["--cache", "required"]
        arrange(scene)
    return arrange_it


def given_to_a_group(scene):
    """As the kubelet leaves a volume with fsGroup at the second mount."""
    scene.fill_cache()
    scene.cache.chmod(0o2770)
    scene.cache_file.chmod(0o660)


def memory_of(kid):
    """The bundle of another credential of this agent, and nothing of this credential's."""
    def arrange(scene):
        scene.fill_cache(recipient=kid, sequence=9)
        scene.cache_file.rename(scene.cache / f"{kid}.bundle")
    return arrange


def no_fallback(why, hint):
    return fetch(f"connect HOST:PORT: connection refused; and {why}", hint, WITHIN)


def spoilt(spoil, **members):
    """A cache as it should be, then `spoil(scene)`."""
    def arrange(scene):
        scene.fill_cache(**members)
        spoil(scene)
    return arrange


def well(_):
    pass


def moved_behind(make_name):
    """The real file lies outside; in its place is what make_name(outside, inside) makes of it."""
    def spoil(scene):
        outside = scene.directory / "elsewhere.bundle"
        scene.cache_file.rename(outside)
        make_name(outside, scene.cache_file)
    return spoil


def replaced_by(make):
    def spoil(scene):
        scene.cache_file.unlink()
        make(scene.cache_file)
    return spoil


def rewritten(change):
    return lambda scene: scene.cache_file.write_bytes(change(scene.cache_file.read_bytes()))


def directory_is_a_link(scene):
    outside = scene.directory / "elsewhere"
    scene.cache.rename(outside)
    scene.cache.symlink_to(outside)


def left_over(make):
    """A writer was killed halfway: its temporary file is still there, or whatever somebody put in its place."""
    return lambda scene: make(scene.cache / ".cred-1.bundle.new")


def link_to_a_victim(temporary):
    victim = temporary.parent / "victim"
    victim.write_text("not to be written to")
    victim.chmod(0o400)
    temporary.symlink_to(victim)


def held_lock(scene):
    """Another writer holds the lock and never lets go."""
    descriptor = os.open(scene.cache, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    scene.at_the_end(os.close, descriptor)


def full_disk(scene):
    """A file system of one page, which the old file fills."""
    kept = scene.directory / "kept.bundle"
    scene.cache_file.rename(kept)
    scene.namespace += [f"mount -t tmpfs -o size=4k,mode=700 none {scene.cache}",
                        f"cp -p {kept} {scene.cache_file}"]


def read_only_disk(scene):
    scene.namespace += [f"mount --bind {scene.cache} {scene.cache}", f"mount -o remount,ro,bind {scene.cache}"]


def no_parent(scene):
    scene.cache = scene.directory / "absent" / "cache"


def accepts_an_older_one(scene):
    scene.options += ["--accept-sequence", "7"]


def ago(seconds):
    return int(time.time()) - seconds


CACHE_ROWS = [
    CacheRow("none: as it should be", spoilt(well), SERVED, Starts()),
    CacheRow("nothing in it yet", well, no_fallback("the cache is empty", NETWORK), Starts()),
    CacheRow("its directory cannot be made", no_parent, *unusable_cache(
        "cache: make cache directory DIR: no such file or directory",
        "make it, or its parent, on a disk that this user can write to")),
    CacheRow("a symbolic link", spoilt(moved_behind(lambda outside, inside: inside.symlink_to(outside))),
             *unusable_cache(FILE + "a symbolic link")),
    CacheRow("a hard link", spoilt(moved_behind(lambda outside, inside: inside.hardlink_to(outside))),
             *unusable_cache(FILE + "it has a second name (hard link)")),
    CacheRow("a pipe", spoilt(replaced_by(lambda path: os.mkfifo(path, 0o600))),
             *unusable_cache(FILE + "not a plain file")),
    CacheRow("a directory", spoilt(replaced_by(lambda path: path.mkdir(0o600))),
             *unusable_cache(FILE + "not a plain file")),
    CacheRow("mode 0644", spoilt(lambda scene: scene.cache_file.chmod(0o644)),
             *unusable_cache(FILE + "its mode is 0644, not 0600")),
    CacheRow("another user's file", spoilt(lambda scene: os.chown(scene.cache_file, 4711, -1)),
             *unusable_cache(FILE + "it belongs to another user"), root=True),
    CacheRow("an empty file", spoilt(rewritten(lambda _: b"")),
             *unusable_cache(FILE + "verify bundle: not a compact JWS")),
    CacheRow("cut short", spoilt(rewritten(lambda text: text[:-60])),
             *unusable_cache(FILE + "verify bundle: the signature is missing or of another length")),
    CacheRow("garbage", spoilt(rewritten(lambda _: b"\x00\xff" * 300)),
             *unusable_cache(FILE + "verify bundle: not a compact JWS")),
    CacheRow("a flipped byte", spoilt(rewritten(flipped(0.5))),
             *unusable_cache(FILE + "verify bundle: the signature is wrong")),
    CacheRow("over 4 MiB", spoilt(rewritten(lambda _: b"x" * (4 * 1024 * 1024 + 8202))),
             *unusable_cache(FILE + "more than 4202505 bytes")),
    CacheRow("another credential's bundle", spoilt(well, recipient="cred-2"),
             *unusable_cache(FILE + "verify bundle: it is for recipient 'cred-2', not 'cred-1'")),
    CacheRow("another agent's bundle", spoilt(well, agent="other"),
             *unusable_cache(FILE + "verify bundle: it is for agent 'other', not 'bot'")),
    CacheRow("the directory is a symbolic link", spoilt(directory_is_a_link), *unusable_cache(
        "cache: DIR: not a directory, or a symbolic link", "give the directory itself to --cache-dir")),
    CacheRow("the directory has mode 0770", spoilt(lambda scene: scene.cache.chmod(0o770)), *unusable_cache(
        "cache: DIR: others may write to the directory (mode 0770)", OURS_ALONE)),
    CacheRow("on a volume with fsGroup (modes 2770 and 0660)", given_to_a_group, *unusable_cache(
        "cache: DIR: others may write to the directory (mode 2770)", OURS_ALONE)),
    CacheRow("the same, and `--cache=required`", required(given_to_a_group), *required_cache(
        "cache: DIR: others may write to the directory (mode 2770)", OURS_ALONE)),
    CacheRow("the directory has mode 1777", spoilt(lambda scene: scene.cache.chmod(0o1777)), *unusable_cache(
        "cache: DIR: others may write to the directory (mode 1777)", OURS_ALONE)),
    CacheRow("another user's directory", spoilt(lambda scene: os.chown(scene.cache, 4711, -1)), *unusable_cache(
        "cache: DIR: the directory belongs to another user", THEIRS), root=True),
    CacheRow("25 hours old", spoilt(well, issued_at=ago(25 * 3600)),
             no_fallback("the cached bundle is 1d 1h old, and 1d is the most",
                         "bring the control plane back, or raise --cache-max-age"), Starts()),
    CacheRow("from 30 hours ahead", spoilt(well, issued_at=ago(-30 * 3600)),
             no_fallback("the cached bundle was issued 1d <n>h in the future", "set this host's clock"), Starts()),
    CacheRow("ahead of the control plane (roll-back)", spoilt(well, sequence=9), SERVED,
             Fails("cache: the answer is older than what this agent has run (sequence 7, seen 9)",
                   "find out why the control plane went back; if that is right, start once with "
                   "--accept-sequence 7")),
    CacheRow("another credential of the agent was ahead", memory_of("cred-0"),
             no_fallback("the cache is empty", NETWORK),
             Fails("cache: the answer is older than what this agent has run (sequence 7, seen 9)",
                   "find out why the control plane went back; if that is right, start once with "
                   "--accept-sequence 7")),
    CacheRow("ahead, and --accept-sequence", spoilt(accepts_an_older_one, sequence=9), SERVED, Starts()),
    CacheRow("a temporary file is left over", spoilt(left_over(lambda path: path.write_text("half"))),
             SERVED, Starts()),
    CacheRow("the temporary file is a link to another file", spoilt(left_over(link_to_a_victim)), SERVED, Starts()),
    CacheRow("the temporary file is a directory", spoilt(left_over(lambda path: path.mkdir())), SERVED, NOT_KEPT),
    CacheRow("another writer holds the lock for ever", spoilt(held_lock), SERVED, NOT_KEPT),
    CacheRow("the disk is full", spoilt(full_disk), SERVED, NOT_KEPT, root=True),
    CacheRow("the disk is read-only", spoilt(read_only_disk), SERVED, NOT_KEPT, root=True),
]
