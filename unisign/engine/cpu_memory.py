"""Memory of the C library on the CPU: kept for the next step instead of given back to the system."""

import ctypes
import platform

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER = -1  # becomes the largest size
_STEP = 64 << 20


def keep_freed_memory() -> bool:
    """Let glibc's malloc keep what is freed, for this process; returns whether it does.

    By default every tensor above 32 MB is memory fresh from the system, which clears it page by page: on the CPU a ReLU
    then takes four times as long, and a matrix product of a training step half as long again
    (docs/benchmarks.md). Other C libraries are left alone.
    """
    if platform.libc_ver()[0] != 'glibc':
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(
        mallopt(option, value) == 1
        for option, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER), (_M_TOP_PAD, _STEP))
    )
