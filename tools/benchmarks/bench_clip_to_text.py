"""Time a clip of keypoints to text at mT5-base sizes: baseline, PyTorch, ONNX in float32 and int8; p50 and p95.

Example: ``python tools/benchmarks/bench_clip_to_text.py --out clip_to_text.json``. A clip goes through normalisation,
pose encoder, language model and beam search, one clip at a time, as ``SignInferencer`` answers it. The baseline is the
literal formulation (``baseline/``): keypoints normalised frame by frame, the decoder run once over a given text, here
an empty one, then Hugging Face's ``generate``. The weights are random (they do not change the time), the same on all
sides but the baseline's, and such a model never ends a text: so each has exactly ``--tokens`` tokens.

Each side lives in a process of its own with ``OMP_NUM_THREADS`` threads (default 2); clip by clip they take turns, so
all of them meet the same disturbances. The exports are kept in ``--folder`` (3 GiB) for the next run.
"""

import argparse
import json
import math
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '2')
os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])

SIDES = ('baseline', 'torch', 'onnx', 'onnx_int8')
EXPORTS = SIDES[2:]
# Of google/mt5-base; vocabulary, width, feed-forward width, layers, heads, width of a head.
SIZES = {'base': (250112, 768, 2048, 12, 12, 64), 'tiny': (1000, 64, 96, 2, 2, 16)}
TEXTS = ('hello', 'my family eats noodles')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', choices=SIZES, default='base', help='of the model; tiny tries the command out')
    parser.add_argument('--sides', nargs='+', choices=SIDES, default=SIDES)
    parser.add_argument('--frames', type=int, default=128, help='frames of a clip')
    parser.add_argument('--beams', type=int, default=4)
    parser.add_argument('--tokens', type=int, default=20, help='tokens of each text')
    parser.add_argument('--clips', type=int, default=20, help='clips that each side answers')
    parser.add_argument(
        '--folder', type=Path, default=Path('work_dirs/bench_clip_to_text'), help='where exports are kept'
    )
    parser.add_argument('--out', type=Path, help='JSON file for the figures')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Export what is not there yet, time, print a table."""
    context = multiprocessing.get_context('spawn')  # nothing of one side's memory in another's process
    for side in EXPORTS:
        if set(args.sides) & set(EXPORTS) and not (place(args, side) / 'export.json').is_file():
            shutil.rmtree(place(args, side), ignore_errors=True)
            job = context.Process(target=export, args=(args, side))
            job.start()
            job.join()
            if job.exitcode:
                raise SystemExit(f'the export of {side} failed')
    workers, pipes = [], {}
    for side in args.sides:
        pipes[side], theirs = context.Pipe()
        workers.append(context.Process(target=answer_clips, args=(args, side, theirs), daemon=True))
        workers[-1].start()
        theirs.close()  # so that the death of the process is noticed
        pipes[side].recv()  # loaded and warm, before the next one loads
    figures = measure(args, pipes)
    for pipe in pipes.values():
        pipe.send(None)
    report(args, figures)


def measure(args: argparse.Namespace, pipes: dict[str, Connection]) -> dict[str, dict[str, Any]]:
    """Let the sides answer in turns; return each side's seconds, scores and peak memory."""
    figures: dict[str, dict[str, Any]] = {side: dict(seconds=[], scores=[]) for side in pipes}
    for clip in range(args.clips):
        order = list(pipes) if clip % 2 else list(pipes)[::-1]
        for side in order:
            pipes[side].send(clip)
            seconds, score, peak = pipes[side].recv()
            figures[side]['seconds'].append(seconds)
            figures[side]['scores'].append(score)
            figures[side]['peak_mib'] = peak
    return figures


def place(args: argparse.Namespace, side: str) -> Path:
    """Return the folder of a side's export."""
    return args.folder / f'{args.size}_{args.beams}_{args.tokens}_{side}'


def build(args: argparse.Namespace) -> Any:
    """Return a model with random weights, the same in every process, and the pipeline of the published test set."""
    import torch
    from mmengine.config import Config

    from unisign.registry import MODELS

    steps = [
        dict(type='LoadPoses'),
        dict(type='SampleFrames', sampler=dict(type='EvenFrameSampler'), max_frames=256),
        dict(type='NormalizeParts'),
        dict(type='PackSignInputs'),
    ]
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='UniSign',
            pose_encoder=dict(type='PartGCNEncoder', out_channels=SIZES[args.size][1]),
            head=dict(
                type='MT5GenerationHead', language_model=make_language_model_folder(args), pretrained=False,
                generation=dict(num_beams=args.beams, max_new_tokens=args.tokens),
            ),
        )
    )  # fmt: skip
    model.cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=steps, task='slt', lang='en'))))
    return model.eval()


def make_language_model_folder(args: argparse.Namespace) -> str:
    """Write config and tokenizer of the language model, if they are not there yet; return their folder."""
    from transformers import MT5Config

    from unisign.models.language_models import make_language_model

    vocabulary, width, d_ff, layers, heads, d_kv = SIZES[args.size]
    folder = args.folder / f'{args.size}_language_model'
    if not (folder / 'config.json').is_file():
        make_language_model(TEXTS, folder, languages=('en',))
        MT5Config(
            vocab_size=vocabulary, d_model=width, d_ff=d_ff, num_layers=layers, num_decoder_layers=layers,
            num_heads=heads, d_kv=d_kv, tie_word_embeddings=False, decoder_start_token_id=0,
        ).save_pretrained(folder)  # fmt: skip
    return str(folder)


def export(args: argparse.Namespace, side: str) -> None:
    """Export the model for a side: ``onnx`` from PyTorch, ``onnx_int8`` from that."""
    from unisign.deployment import dataset_of, export_model, quantize_export

    if side == 'onnx_int8':
        quantize_export(place(args, 'onnx'), place(args, side))
        return
    model = build(args)
    description = export_model(model, place(args, side), dataset_of(model.cfg))
    print('differs from PyTorch by', {name: f'{value:.1g}' for name, value in description.equality.items()}, flush=True)


def answer_clips(args: argparse.Namespace, side: str, pipe: Connection) -> None:
    """Answer the clips whose numbers come through the pipe, in this process."""
    import numpy as np

    from unisign.structures import NUM_KEYPOINTS

    answer_of = baseline_answers(args) if side == 'baseline' else our_answers(args, side)

    def answer(clip: int) -> tuple[float, float]:
        random = np.random.default_rng(clip)
        keypoints = random.random((args.frames, NUM_KEYPOINTS, 2), np.float32)
        scores = np.ones((args.frames, NUM_KEYPOINTS), np.float32)
        started = time.perf_counter()
        score = answer_of(keypoints, scores)
        return time.perf_counter() - started, score

    answer(0)
    pipe.send(None)
    while (clip := pipe.recv()) is not None:
        pipe.send((*answer(clip), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def our_answers(args: argparse.Namespace, side: str) -> Callable[[Any, Any], float]:
    """Return what answers a clip, keypoints [T, 133, 2] and scores [T, 133], by the library; gives the text's score."""
    from unisign.apis import SignInferencer
    from unisign.structures import Poses

    inferencer = SignInferencer(build(args) if side == 'torch' else str(place(args, side)), device='cpu')
    return lambda keypoints, scores: inferencer(Poses(keypoints, scores)).score


def baseline_answers(args: argparse.Namespace) -> Callable[[Any, Any], float]:
    """Return what answers a clip by the baseline, likewise; it gives no score."""
    import torch
    from baseline.data_path import collate
    from baseline.model import BaselineModel
    from baseline.normalize_parts import normalize_parts_per_frame

    from unisign.models.heads.text_codec import TextCodec
    from unisign.models.language_models import DEFAULT_PROMPT, load_tokenizer
    from unisign.models.language_models.loading import make_plain_model, read_language_model_config

    name = make_language_model_folder(args)
    codec = TextCodec(load_tokenizer(name), DEFAULT_PROMPT, max_target_tokens=50)
    prompt = torch.tensor([codec.prompt_ids('en')])
    model = BaselineModel(make_plain_model(name, read_language_model_config(name), pretrained=False)).eval()
    empty = torch.tensor([[model.mt5_model.config.eos_token_id]])

    def answer(keypoints: Any, scores: Any) -> float:
        parts = normalize_parts_per_frame(list(keypoints), list(scores))
        batch, mask = collate([{part: torch.from_numpy(values) for part, values in parts.items()}])
        tokens = model.evaluate(batch, mask, prompt, empty, num_beams=args.beams, max_new_tokens=args.tokens)
        codec.decode(tokens[0].tolist())
        return math.nan

    return answer


def report(args: argparse.Namespace, figures: dict[str, dict[str, Any]]) -> None:
    """Print a table, and write the figures."""
    first, pytorch_and_exports = figures[args.sides[0]], [side for side in args.sides if side != 'baseline']
    load = os.getloadavg()[0]
    threads = os.environ['OMP_NUM_THREADS']
    print(
        f'{args.frames} frames, beam {args.beams}, {args.tokens} tokens, {args.clips} clips, {threads} threads, load '
        f'average {load:.1f}, {time.strftime("%Y-%m-%d")}, {platform.machine()}'
    )
    print(
        f'{"":10} {"p50 s":>7} {"p95 s":>7} {"best s":>7} {"ratio":>6} {"peak MiB":>9} {"files MiB":>9}  same answers'
    )
    for side, found in figures.items():
        seconds = sorted(found['seconds'])
        # The ratio clip by clip: each was answered by both within the same seconds.
        ratios = [theirs / ours for theirs, ours in zip(first['seconds'], found['seconds'], strict=True)]
        files = [path.stat().st_size for path in place(args, side).rglob('*') if path.is_file()]
        found |= dict(
            p50=statistics.median(seconds),
            p95=seconds[min(len(seconds) - 1, round(0.95 * (len(seconds) - 1)))],
            best=seconds[0],
            ratio=statistics.median(ratios),
            files_mib=sum(files) / 2**20,
        )
        same = ''
        if side in pytorch_and_exports:
            # Random weights write no words, but the best text's score tells texts apart.
            pairs = zip(figures[pytorch_and_exports[0]]['scores'], found['scores'], strict=True)
            found['same_answers'] = sum(math.isclose(a, b, rel_tol=1e-3) for a, b in pairs)
            same = f'{found["same_answers"]}/{args.clips}'
        print(
            f'{side:10} {found["p50"]:7.2f} {found["p95"]:7.2f} {found["best"]:7.2f} {found["ratio"]:6.2f} '
            f'{found["peak_mib"]:9.0f} {found["files_mib"]:9.0f}  {same}'
        )
    if args.out:
        settings = {key: str(value) for key, value in vars(args).items()} | dict(threads=threads, load_average=load)
        args.out.write_text(json.dumps(dict(settings=settings, sides=figures), indent=2), encoding='utf-8')


if __name__ == '__main__':
    main(parse_args())
