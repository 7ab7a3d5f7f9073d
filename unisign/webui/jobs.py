"""Clips on their way through the page, one after the other."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unisign.structures import DataError
from unisign.webui.clip_folders import ClipFolders

OUR_FAULT = 'Something went wrong on the computer that runs this page; its terminal says what. Other clips may work.'


class LeftError(Exception):
    """Nobody waits for the answer any more."""


@dataclass
class Job:
    """One clip.

    Attributes:
        folder: with its files.
        model: name of the model that is to answer.
        lang: language code of the answer.
        video: the uploaded video, in ``folder``.
        poses: the uploaded pose file, likewise; None without.
        names: path of an upload -> what its owner calls it, for errors.
        step: ``waiting``, ``checking``, ``keypoints``, ``model``, ``drawing``, ``done`` or ``failed``.
        share: 0..1, of the step; None if it is unknown.
        answer: what the page shows first: the text, and how sure the model is.
        evidence: what it shows then: the drawn video, and what the model read.
        problem: why there is no answer, once failed.
        left: whether the visitor has gone.
    """

    folder: Path
    model: str = ''
    lang: str = ''
    video: Path | None = None
    poses: Path | None = None
    names: dict[str, str] = field(default_factory=dict)
    step: str = 'waiting'
    share: float | None = None
    answer: dict[str, Any] | None = None
    evidence: dict[str, Any] | None = None
    problem: str = ''
    left: bool = False

    def go_on(self, step: str, share: float | None = None) -> None:
        """Say how far it is.

        Raises:
            LeftError: if nobody waits for the answer any more.
        """
        if self.left:
            raise LeftError
        self.step, self.share = step, share

    def in_their_words(self, text: str) -> str:
        """Return an error's text with the names that the visitor knows in the place of our paths."""
        for path, name in self.names.items():
            text = text.replace(path, name)
        return text.replace(f'{self.folder}/', '')


class Jobs:
    """Answers one clip at a time, in the order in which they came.

    Args:
        answer: called with a job in a thread of its own; puts into it what the page shows.
        folders: where uploads lie. A job's folder is removed as soon as it is answered.
        most: jobs that may be there at a time.
    """

    def __init__(self, answer: Callable[[Job], None], folders: ClipFolders, most: int) -> None:
        self._answer, self._folders, self._most = answer, folders, most
        self._here: list[Job] = []
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix='answers')

    def enter(self) -> Job | None:
        """Return a new job for an upload that is about to come; None if there are too many."""
        with self._lock:
            if len(self._here) >= self._most:
                return None
            job = Job(self._folders.new())
            self._here.append(job)
            return job

    def start(self, job: Job) -> None:
        """Queue a job whose files are complete."""
        self._worker.submit(self._run, job)

    def waiting_before(self, job: Job) -> int:
        """Return how many clips come first."""
        with self._lock:
            return self._here.index(job) if job in self._here else 0

    def leave(self, job: Job) -> None:
        """Forget a job whose visitor has gone, or has the answer."""
        with self._lock:
            job.left = True
            if job in self._here:
                self._here.remove(job)
            if job.step == 'waiting':  # not in work, and will not be: nobody else removes its files
                self._folders.remove(job.folder)

    def close(self) -> None:
        """End the one in work as soon as possible, and take no more."""
        with self._lock:
            for job in self._here:
                job.left = True
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _run(self, job: Job) -> None:
        try:
            with self._lock:
                job.go_on('checking')
            self._answer(job)
            end = 'done'
        except LeftError:
            end = 'failed'
        except DataError as error:
            job.problem, end = job.in_their_words(str(error)), 'failed'
        except Exception:
            logging.getLogger('unisign').exception('The page could not answer a clip.')
            job.problem, end = OUR_FAULT, 'failed'
        self._folders.remove(job.folder)
        job.step = end  # last: then the answer is complete, and the files are gone
