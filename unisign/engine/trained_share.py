"""How much of a model learns."""

from torch import nn


def trained_share(model: nn.Module) -> str:
    """Return a line for the log: how many weights are trained, of the whole and of each part that is not whole."""
    whole, trained = _count(model)
    if trained == whole:
        return f'All {whole / 1e6:.3f} M weights are trained.'
    parts = []
    for name, part in model.named_children():
        size, learning = _count(part)
        if size:
            parts.append(f'{name} {learning / 1e6:.3f} of {size / 1e6:.3f} M')
    return (
        f'{trained / 1e6:.3f} of {whole / 1e6:.3f} M weights are trained ({trained / whole:.2%}): {", ".join(parts)}.'
    )


def _count(part: nn.Module) -> tuple[int, int]:
    weights = list(part.parameters())
    return sum(one.numel() for one in weights), sum(one.numel() for one in weights if one.requires_grad)
