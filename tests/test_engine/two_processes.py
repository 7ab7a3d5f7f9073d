"""Two forks of the test's process that find each other."""

import multiprocessing
import os
import socket
import traceback


def in_two_processes(body, *arguments):
    """Call ``body(*arguments)`` in two forks; return what it returned, by rank. What it raises fails the test."""
    context = multiprocessing.get_context('fork')
    answers = context.Queue()
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]

    def run_as(rank):
        variables = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=2, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
        os.environ.update({name: str(value) for name, value in variables.items()})
        try:
            answers.put((rank, body(*arguments), None))
        except BaseException:
            answers.put((rank, None, traceback.format_exc()))

    processes = [context.Process(target=run_as, args=(rank,)) for rank in range(2)]
    for process in processes:
        process.start()
    found = {}
    try:
        for _ in processes:
            rank, found[rank], error = answers.get(timeout=600)
            assert error is None, f'process {rank}: {error}'
    finally:
        if len(found) < 2 or None in found.values():
            for process in processes:
                process.kill()  # the other one waits for it
        for process in processes:
            process.join()
    return found[0], found[1]
