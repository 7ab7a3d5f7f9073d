"""How often a comparison finds a difference between two systems that are equally good: it should be 5 in 100.

python tools/benchmarks/check_significance.py --trials 400

Made-up systems answer single signs, each right with the same probability of the class (drawn anew, 0.8 on average).
"""

import argparse

import numpy as np

from unisign.analysis.paired_statistics import paired_statistics
from unisign.analysis.significance import bootstrap_differences, compare
from unisign.evaluation import Prediction


def found_by_chance(classes: int, clips: int, trials: int, resamples: int) -> dict[tuple[str, str], float]:
    """Return, by score and test, in how many of 100 trials p is 0.05 or less."""
    rng, found = np.random.default_rng(0), {}
    labels = [f'sign {place}' for place in range(classes) for _ in range(clips)]
    for trial in range(trials):
        skill = rng.beta(4, 1, classes).repeat(clips)
        systems = [
            [
                Prediction(str(place), label if hit else 'another', label)
                for place, (label, hit) in enumerate(zip(labels, rng.random(len(labels)) < skill, strict=True))
            ]
            for _ in range(2)
        ]
        for statistics in paired_statistics('islr', *systems):
            result = compare(statistics, resamples, trial)
            drawn = np.abs(bootstrap_differences(statistics, resamples, trial))
            one_sided = (np.sum(drawn - drawn.mean() > abs(result.difference)) + 1) / (resamples + 1)
            p_values = {
                'bootstrap': result.p_bootstrap,
                'swapping': result.p_randomisation,
                "bootstrap by sacrebleu's formula": one_sided,
            }
            for test, p in p_values.items():
                key = statistics.name, test
                found[key] = found.get(key, 0.0) + 100 / trials * (p <= 0.05)
    return found


def main() -> None:
    """Print the shares for three sizes of test sets."""
    parser = argparse.ArgumentParser(description='How often equal systems are told apart at p <= 0.05, in percent.')
    parser.add_argument('--trials', type=int, default=400, help='pairs of systems for each size (default: 400)')
    parser.add_argument('--resamples', type=int, default=200, help='of each test (default: 200)')
    args = parser.parse_args()
    for classes, clips in ((50, 9), (50, 3), (20, 40)):
        for (score, test), share in found_by_chance(classes, clips, args.trials, args.resamples).items():
            print(f'{classes} classes of {clips} clips, {score}, {test}: {share:.1f} %', flush=True)


if __name__ == '__main__':
    main()
