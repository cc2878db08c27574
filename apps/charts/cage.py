"""A program that locks itself in and then becomes another one: python cage.py FOLDER SECONDS MEMORY OUTPUT PROGRAM …

FOLDER is all that it may read beside the program itself and the system's libraries; nothing may be written but what is
open already. No network. SECONDS of processor time, MEMORY bytes to write to, OUTPUT bytes of a file.

It runs without our packages. Landlock keeps the files, seccomp the network; where the kernel has one of them not, the
chart's own checks (apps/charts/chart.py) are what is left. Source: landlock(7), seccomp(2).
"""

import ctypes
import os
import platform
import resource
import struct
import sys

CANNOT_RUN = 126

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
# Everything that the first Landlock knows: to execute, write, read, list, remove and make.
_ALL = (1 << 13) - 1
# Where a program that is not static has its libraries.
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
# Machine: its audit number, and its calls that make a socket or may do what they like unseen (io_uring).
_CALLS = {"x86_64": (0xC000003E, (41, 53, 425)), "aarch64": (0xC00000B7, (198, 199, 425))}
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def keep_from_files(folder: str, program: str) -> None:
    """Leave only the folder, the program and libraries to read."""
    handled = ctypes.c_uint64(_ALL)
    rules = _libc.syscall(_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
    if rules < 0:
        return
    _allow(rules, folder, _READ_FILE | _READ_DIR)
    _allow(rules, program, _READ_FILE | _EXECUTE)
    for path in _LIBRARIES:
        if os.path.isdir(path):  # noqa: PTH112 (pathlib takes longer to import than all the rest)
            _allow(rules, path, _READ_FILE | _READ_DIR | _EXECUTE)
    _libc.syscall(_RESTRICT_SELF, rules, 0)
    os.close(rules)


def _allow(rules: int, path: str, access: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    beneath = ctypes.create_string_buffer(struct.pack("=Qi", access, place))
    _libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, beneath, 0)
    os.close(place)


def keep_from_network() -> None:
    """Refuse to make sockets, by a filter of the kernel's calls."""
    if platform.machine() not in _CALLS:
        return
    machine, calls = _CALLS[platform.machine()]
    last = len(calls)
    steps = [(0x20, 0, 0, 4), (0x15, 1, 0, machine), (0x06, 0, 0, _KILL), (0x20, 0, 0, 0)]
    # Numbers from 2^30 are the same calls under another name (x32).
    steps += [(0x35, last + 1, 0, 0x40000000)]
    steps += [(0x15, last - place, 0, call) for place, call in enumerate(calls)]
    steps += [(0x06, 0, 0, _ALLOW), (0x06, 0, 0, _REFUSE)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    _libc.prctl(_PR_SET_SECCOMP, _FILTER, program, 0, 0)


def main(folder: str, seconds: str, memory: str, output: str, *command: str) -> None:
    """Lock in, then become the command."""
    for what, most in (
        (resource.RLIMIT_CPU, int(seconds)),
        (resource.RLIMIT_DATA, int(memory)),
        (resource.RLIMIT_FSIZE, int(output)),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    try:
        keep_from_files(folder, command[0])
        keep_from_network()
        os.execv(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        os._exit(CANNOT_RUN)


if __name__ == "__main__":
    main(*sys.argv[1:])
