"""Calling a function in a process of its own, with limits of time and memory, for files that nobody vouches for."""

import contextlib
import multiprocessing
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from unisign.structures import ClipError, DataError

_FORKS = sys.platform == 'linux'  # elsewhere a fork server is missing, or not to be relied on
_PRELOADED = ('unisign.webui.file_check',)


def start_fork_server() -> None:
    """Start, in the background, the process from which those of ``run_apart`` descend, with what they need imported.

    It has no threads and none of the models, so that forking it is quick and safe.
    """
    if _FORKS:
        from multiprocessing import forkserver

        forkserver.set_forkserver_preload(['__main__', *_PRELOADED])  # else each process would import these itself
        forkserver.ensure_running()


def run_apart(function: Callable[..., Any], *args: Any, source: str, seconds: float, memory: int) -> Any:
    """Return ``function(*args)``, called in a process of its own.

    Args:
        function: importable by its name.
        args: such as can be pickled; so must be what it returns.
        source: what errors call it all.
        seconds: after which the process is ended.
        memory: bytes that it may take beside what it starts with (Linux only).

    Raises:
        ClipError: as the function does; and if the process takes too long, needs too much memory, or crashes.
        RuntimeError: for every other error in it.
    """
    start_fork_server()
    context: Any = multiprocessing.get_context('forkserver' if _FORKS else 'spawn')
    answers, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(theirs, function, args, seconds, memory), daemon=True)
    process.start()
    theirs.close()
    try:
        if not answers.poll(seconds):
            raise ClipError(source, f'reading it took longer than {seconds:g} s.', 'Cut it shorter, or convert it.')
        kind, *content = answers.recv()
    except EOFError:
        raise ClipError(
            source, 'the decoder broke down on it: it is damaged, or made to do so.', 'Convert it, or record it again.'
        ) from None
    finally:
        process.kill()
        process.join()
        process.close()
        answers.close()
    if kind == 'refused':
        raise ClipError(*content)
    if kind == 'failed':
        raise RuntimeError(content[0])
    return content[0]


def _call(answers: Connection, function: Callable[..., Any], args: tuple, seconds: float, memory: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the server's; it ends this process
    _limit(seconds, memory)
    try:
        answer: tuple = ('returned', function(*args))
    except DataError as error:
        answer = ('refused', error.source, error.problem, error.advice)
    except MemoryError:
        answer = ('refused', str(args[0]), 'reading it takes too much memory.', 'Cut it shorter, or make it smaller.')
    except Exception:
        answer = ('failed', traceback.format_exc())
    answers.send(answer)


def _limit(seconds: float, memory: int) -> None:
    if sys.platform != 'linux':
        return
    import resource

    pages = int(Path('/proc/self/statm').read_text().split()[0])
    limits = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + memory,
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_FSIZE: memory,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in limits.items():
        with contextlib.suppress(ValueError, OSError):  # a lower limit is there already
            resource.setrlimit(kind, (value, value))
