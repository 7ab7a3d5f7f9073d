"""A device that stands in for a GPU where there is none: it computes on the CPU, and notes what it is asked to do.

Its tensors are on another device for whoever looks: an operation on tensors of both devices, which a GPU would refuse,
is refused here, and code for GPUs is taken. It notes operations, each a kernel or more on a GPU, the memory that its
tensors hold, and what makes the program wait for the device: values that it reads, and sizes that depend on values.
Times say nothing.

PyTorch's own way of writing a backend in Python is experimental (``torch.utils.backend_registration``, torch 2.9 and
later) and, once it is on, is so for the process: start it in one of its own.
"""

import traceback
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _foreach_utils, backend_registration
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import flop_registry

from unisign.engine import gradient_norm
from unisign.models.language_models import fused_attention

NAME = 'standin'
aten = torch.ops.aten
# May be asked for tensors of both devices: copies, and indices, which a GPU fetches.
BOTH = {aten.copy_.default, aten._to_copy.default, aten.index.Tensor, aten.index_put_.default}
WAITING = {aten._local_scalar_dense.default, aten.nonzero.default, aten.equal.default, aten.masked_select.default}
# No kernel: memory without values, and other names for the same memory.
NOTHING = {'empty', 'empty_like', 'empty_strided', 'new_empty', 'new_empty_strided', '_unsafe_view', 'detach', 'alias'}
# What they read is as large as what they give; what they write, as what they are given.
PICKING = {'index_select', 'gather', 'embedding', 'index'}
PUTTING = {'index_copy', 'index_copy_', 'index_put', 'index_put_', 'index_add', 'index_add_', 'index_fill_'}
OVERWRITING = {'copy_', 'fill_', 'zero_'}
# torch 2.13's lists for CUDA, as far as they are used (ATen/autocast_mode.h).
ROUNDED = (
    'linear', 'matmul', 'mm', 'bmm', 'addmm', 'baddbmm', 'einsum', 'conv1d', 'conv2d', 'convolution',
    'scaled_dot_product_attention',
)  # fmt: skip
WIDENED = (
    'exp', 'log', 'pow.Tensor_Scalar', 'rsqrt', 'rms_norm', 'layer_norm', 'cumsum', 'sum', 'sum.dim_IntList',
    'softmax.int', 'log_softmax.int', 'nll_loss', 'linalg_vector_norm',
)  # fmt: skip
PROMOTED = ('addcmul', 'bilinear', 'grid_sampler', 'scatter_add', 'index_put')
# They give the tensor its size after they have made it: made on the CPU.
MAKERS = (torch.arange, torch.eye, torch.linspace, torch.randperm, torch.tril_indices)
# One kernel on a GPU; PyTorch takes them apart where a device has none.
FUSED = (aten._fused_rms_norm.default, aten._fused_rms_norm_backward.default, aten.silu_backward.default)


@dataclass(frozen=True)
class Call:
    """An operation.

    Attributes:
        name: without the overload.
        traffic: bytes that it reads and writes, each of its tensors once.
        arithmetic: floating-point operations of products, convolutions and attention; of others none are counted.
    """

    name: str
    traffic: int
    arithmetic: int = 0

    def seconds(self, rate: float, bandwidth: float, least: float) -> float:
        """Return how long it takes at least: at ``rate`` FLOP/s, ``bandwidth`` bytes/s, and ``least`` seconds."""
        return max(self.arithmetic / rate, self.traffic / bandwidth, least)


@dataclass
class Log:
    """What the device was asked to do.

    Attributes:
        calls: one after the other.
        waits: line of the code that waited for the device -> how often.
        copies: line of the code that sent something to the device -> how often.
        most_held: bytes of all tensors on the device, when they were most.
    """

    calls: list[Call] = field(default_factory=list)
    waits: Counter[str] = field(default_factory=Counter)
    copies: Counter[str] = field(default_factory=Counter)
    most_held: int = 0

    def operations(self) -> Counter[str]:
        """Return name of the operation -> how often."""
        return Counter(call.name for call in self.calls)


_logs: list[Log] = []
_rounded: dict[int, tuple[Tensor, Tensor]] = {}
_held: dict[int, int] = {}  # piece of memory -> bytes


@contextmanager
def recorded() -> Iterator[Log]:
    """Note what the device is asked to do meanwhile."""
    log = Log()
    _logs.append(log)
    try:
        yield log
    finally:
        _logs.remove(log)


def one_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is noted as the one kernel that a compiler would make of it.

    It reads its arguments and writes its result.
    """

    def run(*args: Any) -> Any:
        logs, before = list(_logs), held_bytes()
        _logs.clear()
        result = function(*args)
        _logs.extend(logs)
        for log in logs:
            log.calls.append(Call(function.__name__, _bytes((args, result))))
            log.most_held = max(log.most_held, before + _bytes(result))
        return result

    return run


class StandInTensor(Tensor):
    """A tensor of the device.

    Attributes:
        inner: its values, on the CPU.
    """

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> 'StandInTensor':
        """Wrap a tensor of the CPU."""
        made = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, inner.shape, inner.stride(), inner.storage_offset(), dtype=inner.dtype, device=f'{NAME}:0'
        )
        made.inner = inner
        _hold(inner)
        return made

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute on the CPU."""
        return _run(operation, *args, **(kwargs or {}))


def _run(operation: Any, *args: Any, **kwargs: Any) -> Any:
    tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
    ours = [one for one in tensors if isinstance(one, StandInTensor)]
    strangers = [one for one in tensors if not isinstance(one, StandInTensor) and one.ndim]
    if ours and strangers and operation not in BOTH:
        shapes = ', '.join(str(tuple(one.shape)) for one in strangers)
        raise RuntimeError(f'{operation}: tensors on the CPU {shapes} among those of the device {NAME}')
    stays = isinstance(args[0], StandInTensor) if operation is aten.copy_.default else bool(ours)
    if kwargs.get('device') is not None:
        stays = torch.device(kwargs['device']).type == NAME
        kwargs['device'] = torch.device('cpu')
    kwargs.pop('pin_memory', None)
    given = tree_map_only(StandInTensor, lambda one: one.inner, (args, kwargs))
    result = REPLACED.get(operation, operation)(*given[0], **given[1])
    if _logs:
        _note(operation, args, ours, strangers, stays)
        if _is_work(operation):
            call = Call(_name(operation), _traffic(operation, *given, result), _arithmetic(operation, *given, result))
            for log in _logs:
                log.calls.append(call)
    if not stays:
        return result
    return return_and_correct_aliasing(operation, args, kwargs, tree_map_only(Tensor, StandInTensor, result))


def _note(operation: Any, args: Any, ours: list[Any], strangers: list[Tensor], stays: bool) -> None:
    chosen = operation in (aten.index.Tensor, aten.index_put_.default) and any(
        one is not None and one.dtype is torch.bool for one in args[1]
    )
    waits = bool(ours) and (operation in WAITING or chosen or not stays)
    copies = stays and operation in BOTH and (not ours or any(one.numel() for one in strangers))
    line = _line() if waits or copies else ''  # to look at the stack takes long
    for log in _logs:
        if waits:
            log.waits[line] += 1
        if copies:
            log.copies[line] += 1


def _is_work(operation: Any) -> bool:
    returned = operation._schema.returns
    view = any(one.alias_info is not None and not one.alias_info.is_write for one in returned)
    return not view and _name(operation) not in NOTHING


def _name(operation: Any) -> str:
    return operation.__name__.split('.')[0]


def _traffic(operation: Any, args: Any, kwargs: Any, result: Any) -> int:
    """Return the bytes that an operation moves at least."""
    name = _name(operation)
    if name in PICKING:
        return 2 * _bytes(result)
    if name in PUTTING:
        return 2 * _bytes(args[2:])
    arguments = operation._schema.arguments
    written = [value for one, value in zip(arguments, args, strict=False) if one.alias_info is not None]
    written += [kwargs[one.name] for one in arguments if one.alias_info is not None and one.name in kwargs]
    if name not in OVERWRITING and 'out' not in operation._overloadname:
        return _bytes((args, kwargs)) + _bytes(written or result)
    return _bytes((args, kwargs))  # what is written is among them, and not read


def _arithmetic(operation: Any, args: Any, kwargs: Any, result: Any) -> int:
    count = flop_registry.get(operation.overloadpacket)
    return count(*args, **kwargs, out_val=result) if count else 0


def _bytes(tensors: Any) -> int:
    distinct = {id(one): one for one in tree_leaves(tensors) if isinstance(one, Tensor)}
    return sum(one.numel() * one.element_size() for one in distinct.values())


def held_bytes() -> int:
    """Return the bytes of all tensors on the device, each piece of memory once."""
    return sum(_held.values())


def _hold(inner: Tensor) -> None:
    memory = inner.untyped_storage()
    if memory._cdata in _held:
        return
    _held[memory._cdata] = memory.nbytes()
    weakref.finalize(memory, _held.pop, memory._cdata)
    for log in _logs:
        log.most_held = max(log.most_held, held_bytes())


def _line() -> str:
    """Return the innermost line outside PyTorch that is at work; there is none in most of a backward pass."""
    for frame in reversed(traceback.extract_stack()[:-3]):
        if f'{__name__}.py' not in frame.filename and '/torch/' not in frame.filename:
            return f'{"/".join(frame.filename.split("/")[-2:])}:{frame.lineno}: {frame.line}'
    return 'PyTorch'


class _Makers(TorchFunctionMode):
    """Tensors from lists, and indices that are lists: PyTorch 2.13 fails to make them on a backend in Python."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        device = kwargs.get('device')
        if device is not None and torch.device(device).type == NAME:
            if function in (torch.tensor, torch.as_tensor):
                return function(*args, **kwargs | dict(device='cpu')).to(device)
            if function in MAKERS:
                made = function(*args, **kwargs | dict(device='cpu'))
                for log in _logs:
                    log.calls.append(Call(function.__name__, _bytes(made)))
                return StandInTensor(made)
        if function is Tensor.tolist:
            return function(args[0].cpu() if isinstance(args[0], StandInTensor) else args[0])
        if function is Tensor.__getitem__ and isinstance(args[0], StandInTensor):
            indices = args[1] if isinstance(args[1], tuple) else (args[1],)
            args = args[0], tuple(torch.tensor(one).to(NAME) if isinstance(one, list) else one for one in indices)
        return function(*args, **kwargs)


class _Module(backend_registration._DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


def start() -> torch.device:
    """Turn the device on in this process, let the library take the ways of a GPU on it, and return it."""
    fused_attention.DEVICES = (*fused_attention.DEVICES, NAME)
    gradient_norm.WHOLE = (*gradient_norm.WHOLE, StandInTensor)
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
    _foreach_utils._foreach_supported_types.append(StandInTensor)
    anything = torch.library.Library('_', 'IMPL')
    anything.fallback(_run, 'PrivateUse1')
    anything.fallback(torch.library.fallthrough_kernel, 'AutocastPrivateUse1')
    library = torch.library.Library('aten', 'IMPL')
    library.impl('scaled_dot_product_attention', _attend_efficiently, 'AutogradPrivateUse1')
    for fused in FUSED:
        library.impl(fused._schema.name, partial(_run, fused), 'PrivateUse1')
    torch.clear_autocast_cache = _forget_rounded  # which autocast calls when its context is left
    for names, cast in ((ROUNDED, _round), (WIDENED, _widen), (PROMOTED, None)):
        for name in names:
            operation = getattr(aten, name.split('.')[0])
            operation = getattr(operation, name.split('.')[1] if '.' in name else 'default')
            library.impl(name, partial(_autocast, operation, cast), 'AutocastPrivateUse1')
    _Makers().__enter__()
    _kept.extend([anything, library])
    return torch.device(NAME, 0)


_kept: list[Any] = []  # till the process ends


def _autocast(operation: Any, cast: Callable[[Tensor], Tensor] | None, *args: Any, **kwargs: Any) -> Any:
    """Do what autocast does on a GPU; without ``cast`` all get the widest type."""
    if cast is None:
        wide = any(one.dtype is torch.float32 for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor))
        cast = _widen if wide else (lambda x: x)
    key = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)
    with torch._C._ExcludeDispatchKeyGuard(key):
        args, kwargs = tree_map_only(StandInTensor, cast, (args, kwargs))
        return operation(*args, **kwargs)


def _round(x: Tensor) -> Tensor:
    """Return ``x`` in autocast's precision; that of a weight is kept, as autocast does till it ends."""
    if x.dtype is not torch.float32:
        return x
    if not (x.is_leaf and x.requires_grad):
        return x.to(torch.get_autocast_dtype(NAME))
    if id(x) not in _rounded or _rounded[id(x)][1]._version != x._version:
        _rounded[id(x)] = x.to(torch.get_autocast_dtype(NAME)), x
    return _rounded[id(x)][0]


def _forget_rounded(clear: Callable[[], None] = torch.clear_autocast_cache) -> None:
    _rounded.clear()
    clear()


def _widen(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


# Kernels that only GPUs have.


def _root_mean_square_norm(x: Tensor, shape: list[int], weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    scale = (x.float().pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt()
    return (x * scale * weight).to(x.dtype), scale


def _root_mean_square_norm_backward(
    grad: Tensor, x: Tensor, shape: list[int], scale: Tensor, weight: Tensor, wanted: list[bool]
) -> tuple[Tensor, Tensor]:
    normal, given = x * scale, grad * weight
    of_x = scale * (given - normal * (given * normal).mean(dim=-1, keepdim=True))
    return of_x.to(x.dtype), (grad * normal).flatten(0, -2).sum(dim=0).to(weight.dtype)


def _attend_efficiently(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None, dropout: float = 0.0,
    is_causal: bool = False, *, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    if bias is not None:
        bias = bias.expand(*query.shape[:-1], key.shape[-2])
    attend = aten._scaled_dot_product_efficient_attention.default
    keeps = torch.is_grad_enabled() and any(one.requires_grad for one in (query, key, value))
    return attend(query, key, value, bias, keeps, dropout, is_causal, scale=scale)[0]


def _attend(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, log_sums: bool, dropout: float = 0.0,
    is_causal: bool = False, *, scale: float | None = None,
) -> tuple[Tensor, ...]:  # fmt: skip
    scores = _scores(query, key, bias, scale)
    seed = torch.randint(2**62, ())
    chosen = scores.softmax(dim=-1) * _kept_scores(scores, seed, dropout)
    return _heads_inside(chosen.to(value.dtype) @ value), scores.logsumexp(dim=-1), seed, torch.zeros(())


def _attend_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, out: Tensor, log_sums: Tensor,
    seed: Tensor, offset: Tensor, dropout: float, wanted: list[bool], is_causal: bool = False, *,
    scale: float | None = None,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    softmax = (_scores(query, key, bias, scale) - log_sums[..., None]).exp()
    kept = _kept_scores(softmax, seed, dropout)
    grad, q, k, v = (one.float() for one in (grad, query, key, value))
    of_softmax = (grad @ v.mT) * kept
    of_scores = softmax * (of_softmax - (of_softmax * softmax).sum(dim=-1, keepdim=True))
    factor = _factor(query, scale)
    found = of_scores @ k * factor, of_scores.mT @ q * factor, (softmax * kept).mT @ grad, of_scores
    *of_inputs, of_bias = (one.to(query.dtype) if want else None for one, want in zip(found, wanted, strict=True))
    return *(None if one is None else _heads_inside(one) for one in of_inputs), of_bias


def _kept_scores(scores: Tensor, seed: Tensor, dropout: float) -> Tensor:
    """Return what scores are multiplied with: the same for the same ``seed``."""
    random = torch.rand(scores.shape, generator=torch.Generator().manual_seed(int(seed)))
    return (random >= dropout).float() / (1 - dropout)


def _heads_inside(x: Tensor) -> Tensor:
    """Return [B, H, L, C] as the kernel leaves it in memory, [B, L, H, C]."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


def _scores(query: Tensor, key: Tensor, bias: Tensor | None, scale: float | None) -> Tensor:
    scores = query.float() @ key.float().mT * _factor(query, scale)
    return scores if bias is None else scores + bias.float()


def _factor(query: Tensor, scale: float | None) -> float:
    return query.shape[-1] ** -0.5 if scale is None else scale


REPLACED = {
    aten._fused_rms_norm.default: _root_mean_square_norm,
    aten._fused_rms_norm_backward.default: _root_mean_square_norm_backward,
    aten._scaled_dot_product_efficient_attention.default: _attend,
    aten._scaled_dot_product_efficient_attention_backward.default: _attend_backward,
}
