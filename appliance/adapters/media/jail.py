"""Rights taken away from the process that runs FFmpeg, in two goes: once for the fork server, again for each file.

Everything here is Linux; each measure that a kernel or a container refuses is skipped, and the functions return which
held, so that a health check and a test can look.
"""

import contextlib
import ctypes
import os
import platform
import resource
import struct

CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x04000000, 0x08000000, 0x10000000, 0x40000000
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38
SECCOMP_MODE_FILTER = 2
NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True)

# What FFmpeg and the interpreter around it need once everything is loaded; any other call gets EPERM. By number, for
# x86-64 (linux/arch/x86/entry/syscalls/syscall_64.tbl). Not on it: open, socket, clone, execve, ptrace, kill.
_ALLOWED_X86_64 = (
    0,  # read
    1,  # write
    3,  # close
    5,  # fstat
    7,  # poll
    8,  # lseek
    9,  # mmap
    10,  # mprotect
    11,  # munmap
    12,  # brk
    13,  # rt_sigaction
    14,  # rt_sigprocmask
    15,  # rt_sigreturn
    24,  # sched_yield
    25,  # mremap
    28,  # madvise
    35,  # nanosleep
    39,  # getpid
    44,  # sendto
    45,  # recvfrom
    46,  # sendmsg
    47,  # recvmsg
    60,  # exit
    96,  # gettimeofday
    98,  # getrusage
    186,  # gettid
    201,  # time
    202,  # futex
    204,  # sched_getaffinity
    228,  # clock_gettime
    230,  # clock_nanosleep
    231,  # exit_group
    318,  # getrandom
)
_AUDIT_ARCH_X86_64 = 0xC000003E
_LOAD_WORD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _EPERM, _KILL = 0x7FFF0000, 0x00050001, 0x80000000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _instruction(code: int, if_true: int, if_false: int, operand: int) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)


def _filter_program() -> bytes:
    """A classic BPF program over ``struct seccomp_data``: another architecture dies, an unlisted call gets EPERM."""
    number_at, architecture_at = 0, 4
    program = [
        _instruction(_LOAD_WORD, 0, 0, architecture_at),
        _instruction(_JUMP_EQUAL, 1, 0, _AUDIT_ARCH_X86_64),
        _instruction(_RETURN, 0, 0, _KILL),
        _instruction(_LOAD_WORD, 0, 0, number_at),
    ]
    total = len(_ALLOWED_X86_64)
    program += [_instruction(_JUMP_EQUAL, total - at, 0, number) for at, number in enumerate(_ALLOWED_X86_64)]
    program += [_instruction(_RETURN, 0, 0, _EPERM), _instruction(_RETURN, 0, 0, _ALLOW)]
    return b"".join(program)


def _prctl(option: int, value: int) -> bool:
    return bool(_libc.prctl(option, value, 0, 0, 0) == 0)


def enter_outer_jail() -> frozenset[str]:
    """For the fork server: no network, no privileges, no way to gain any. Returns what the kernel granted.

    As root the network namespace comes without a user namespace, and the process becomes nobody; otherwise a user
    namespace is made first, where the kernel allows that.
    """
    held = set()
    is_root = os.geteuid() == 0
    wanted = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | (0 if is_root else CLONE_NEWUSER)
    if _libc.unshare(wanted) == 0:
        held.add("no_network")
    if is_root:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            held.add("nobody")
    if _prctl(PR_SET_NO_NEW_PRIVS, 1):
        held.add("no_new_privs")
    _prctl(PR_SET_DUMPABLE, 0)
    return frozenset(held)


def enter_inner_jail(*, memory_bytes: int, cpu_s: int) -> frozenset[str]:
    """For one file: bounded memory and time, no new files, processes or sockets. Returns what the kernel granted."""
    held = {"rlimits"}
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 8),
    ):
        resource.setrlimit(limit, (value, value))
    _prctl(PR_SET_DUMPABLE, 0)
    if _install_filter():
        held.add("seccomp")
    return frozenset(held)


def _install_filter() -> bool:
    if platform.machine() != "x86_64":
        return False
    instructions = _filter_program()
    program = _Program(len(instructions) // 8, instructions)
    return bool(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)
