"""Time the writing of a batch's answers alone, from the encoder's states on: sentences, or single signs.

Example: ``python tools/benchmarks/bench_generation.py`` and ``--task islr``. Sizes are mT5-base's with all its decoder
layers; random weights never end a text, so all get the same number of tokens. ``slt``: beam search, against Hugging
Face's ``generate`` on the same states. ``islr``: the best five of ``--labels`` labels, against what the published code
does, which writes freely; it writes as many tokens as the middle label has, though it would go on until the batch's
longest answer has ended. How much of the labels' tree has to be read hangs on how sure a model is: ``--spread`` is the
standard deviation of a token's score. Each side runs in a process of its own, in turns. For sentences the shares of the
matrix-product rate and of the peak are given too, of the operations that the formulas need: the projections of the
states, and each beam's tokens, the first of which is one for all beams.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accelerator import (
    add_device_options,
    autocast,
    choose_device,
    forget_peak,
    held_bytes,
    matrix_product_rate,
    peak_bytes,
    seconds,
    share_units,
    shares,
)
from side_by_side import (
    add_options,
    alternate,
    clip_units,
    keep_freed_memory,
    name_clip_figures,
    print_measurement,
    report,
)
from sizes import add_size_options, make_codec, make_folder
from torch import Tensor
from transformers import PretrainedConfig
from transformers.modeling_outputs import BaseModelOutput

from unisign.models.heads.beam_search import beam_search
from unisign.models.heads.closed_vocabulary import ClosedVocabulary
from unisign.models.heads.t5_decoder import special_tokens
from unisign.models.language_models import T5Family, load_language_model
from unisign.models.language_models.loading import make_plain_model, read_language_model_config

TASKS = ('slt', 'islr')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--task', choices=TASKS, default='slt', help='sentences or single signs')
    add_size_options(parser, 8, 256, 12, 'decoder')
    parser.add_argument('--beams', type=int, default=4)
    parser.add_argument('--tokens', type=int, default=20, help='tokens of each sentence')
    parser.add_argument('--labels', type=int, default=2000, help='labels of single signs, at most 2,000')
    parser.add_argument('--spread', type=float, default=3.0, help='of the scores of tokens')
    add_device_options(parser)
    add_options(parser)
    args = parser.parse_args()
    choose_device(args)
    return args


def measure(args: argparse.Namespace) -> None:
    """Measure one side."""
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = make_folder(Path(name), args.layers, args.vocabulary)
        vocabulary, length = make_labels(folder, args)
        config = read_language_model_config(str(folder))
        read = prompt_length(folder) + args.frames
        states, mask = make_states(config, read, args)
        length = args.tokens if args.task == 'slt' else length
        operations = args.batch * generation_operations(config, read, length, args.beams)
        make = our_answers if args.side == 'ours' else baseline_answers
        with torch.device(args.device):  # random weights are made where they are needed
            answer = make(folder, states, mask, vocabulary.to(args.device), length, args)
    before = held_bytes(args.device)
    with torch.no_grad(), autocast(args):
        answer()
        forget_peak(args.device)
        duration = seconds(answer, 3, args)
        memory = (peak_bytes(args.device) - before) / 2**30
        found = {}
        if args.task == 'slt':
            found = shares(duration, operations, matrix_product_rate(args.matrix, args, count=2), args)
    print_measurement(seconds=duration, memory=memory, tokens=length, **found)


def make_labels(folder: Path, args: argparse.Namespace) -> tuple[ClosedVocabulary, int]:
    """Return the labels of single signs, and how many tokens the middle one of them has."""
    codec = make_codec(folder)
    labels = list(dict.fromkeys((folder / 'words.txt').read_text().split()))[: args.labels]
    tokens = [len(codec.target_ids(label)) for label in labels]
    start = read_language_model_config(str(folder)).decoder_start_token_id
    return ClosedVocabulary(labels, codec, start), round(statistics.median(tokens))


def make_states(config: PretrainedConfig, read: int, args: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """Return encoder states [B, S, C], all of which count, and their mask, long [B, S]."""
    torch.manual_seed(0)
    states = torch.randn(args.batch, read, config.d_model)
    return states.to(args.device), torch.ones(args.batch, read, dtype=torch.long, device=args.device)


def our_answers(
    folder: Path, states: Tensor, mask: Tensor, vocabulary: ClosedVocabulary, length: int, args: argparse.Namespace
) -> Callable[[], Any]:
    """Return what answers by the library."""
    torch.manual_seed(0)
    model = load_language_model(str(folder), pretrained=False).eval()
    spread_scores(model, args.spread)
    if args.task == 'slt':
        return lambda: beam_search(model, states, mask, args.beams, length)
    return lambda: vocabulary.rank(model, states, mask, nbest=5)


def baseline_answers(
    folder: Path, states: Tensor, mask: Tensor, vocabulary: ClosedVocabulary, length: int, args: argparse.Namespace
) -> Callable[[], Any]:
    """Return what answers by Hugging Face's ``generate``; single signs as ``length`` tokens, by no vocabulary."""
    torch.manual_seed(0)
    model = make_plain_model(str(folder), read_language_model_config(str(folder)), pretrained=False).eval()
    spread_scores(model, args.spread)
    _, _, start = special_tokens(model)

    def answer() -> Tensor:
        return model.generate(
            encoder_outputs=BaseModelOutput(last_hidden_state=states),
            attention_mask=mask,
            decoder_start_token_id=start,
            num_beams=args.beams,
            max_new_tokens=length,
        )

    return answer


def spread_scores(model: T5Family, spread: float) -> None:
    """Scale the output layer so that scores have the standard deviation ``spread``; its input has the mean square 1."""
    with torch.no_grad():
        model.lm_head.weight.mul_(spread / model.config.d_model**0.5 / model.lm_head.weight.std())


def prompt_length(folder: Path) -> int:
    """Return how many tokens the language model reads before the frames."""
    return len(make_codec(folder).prompt_ids('en'))


def generation_operations(config: PretrainedConfig, read: int, tokens: int, beams: int) -> float:
    """Return the floating-point operations of one clip's beam search by the formulas.

    Args:
        config: of the language model.
        read: encoder states.
        tokens: of each text.
        beams: texts followed at once; before the first token they are one.
    """
    width, inner, layers = config.d_model, config.num_heads * config.d_kv, config.num_decoder_layers
    texts = [1] + [beams] * (tokens - 1)
    attended = sum(count * length for length, count in enumerate(texts, start=1))
    of_states = 2 * read * 2 * width * inner  # their keys and values
    feed_forward = (3 if config.is_gated_act else 2) * 2 * width * config.d_ff
    of_tokens = sum(texts) * (6 * 2 * width * inner + feed_forward + 4 * read * inner) + 4 * attended * inner
    return layers * (of_states + of_tokens) + sum(texts) * 2 * width * config.vocab_size


def main() -> None:
    """Run the command line."""
    args = parse_args()
    if args.side:
        measure(args)
        return
    medians = alternate(args)
    name_clip_figures(medians, 'batch', args.batch)
    tokens = f'{medians["baseline"]["tokens"]:.0f} tokens'
    what = f'beam {args.beams}, {tokens}'
    if args.task == 'islr':
        what = f'{args.labels} labels, scores spread by {args.spread:g}; baseline: {tokens}'
    title = (
        f'generation, {args.task}, {args.dtype}, {args.batch} clips of {args.frames} frames, {what}, decoder of '
        f'{args.layers} layers'
    )
    report(title, medians, clip_units('batch') | (share_units(args) if args.task == 'slt' else {}), args)


if __name__ == '__main__':
    main()
