"""Errors about the user's data: each names the clip or the file, what was found, and what to do."""


class DataError(ValueError):
    """Something is wrong with a file of the user's: an annotation, a store, a vocabulary, a checkpoint, a config.

    Args:
        source: the file, folder or key that is at fault.
        problem: what was expected and what came.
        advice: what to do about it.
    """

    def __init__(self, source: object, problem: str, advice: str = '') -> None:
        self.source, self.problem, self.advice = str(source), problem, advice
        super().__init__(source, problem, advice)

    def __str__(self) -> str:
        return f'{self.source}: {self.problem}' + (f' {self.advice}' if self.advice else '')


class ClipError(DataError):
    """One clip cannot be used; the run may go on without it (see ``unisign.datasets.SignDataset``)."""
