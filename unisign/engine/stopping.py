"""Stopping a distributed run in order: the process that finds a reason tells the others, and all raise the error."""

import torch
from mmengine.dist import all_gather_object, all_reduce, get_world_size

from unisign.structures import DataError


class CollectiveStop:
    """Collects a reason to stop on one process; all processes raise it at the next point they pass together.

    A process that raises on its own would leave the others waiting for its gradients until a time-out.
    """

    def __init__(self) -> None:
        self._error: DataError | None = None

    @property
    def requested(self) -> bool:
        """Whether this process has a reason to stop."""
        return self._error is not None

    def request(self, error: DataError) -> None:
        """Ask for a stop; the first reason counts. A process that is alone raises at once."""
        if self._error is None:
            self._error = error
        if get_world_size() == 1:
            raise self._error

    def raise_together(self) -> None:
        """Raise on every process if any of them asked for it. Every process must call this at the same point.

        Raises:
            DataError: naming every process's reason.
        """
        if get_world_size() == 1:
            if self._error is not None:
                raise self._error
            return
        flag = torch.tensor([float(self.requested)])
        all_reduce(flag, op='max')
        if not flag.item():
            return
        mine = None if self._error is None else (self._error.source, self._error.problem, self._error.advice)
        reasons = [reason for reason in all_gather_object(mine) if reason is not None]
        source, problem, advice = reasons[0]
        for other_source, other_problem, _ in reasons[1:]:
            problem += f' Also {other_source}: {other_problem}'
        raise DataError(source, problem, advice)
