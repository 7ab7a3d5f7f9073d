"""Print a config with everything it inherits and every option applied.

python tools/misc/print_config.py configs/toy/stage3_toy-islr_pose.py --cfg-options train_cfg.max_epochs=3
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import Config, DictAction


def main() -> int:
    """Read the config, merge the options, print or save the result."""
    parser = argparse.ArgumentParser(description='Print the resolved text of a config.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='change the config')
    parser.add_argument('--save', type=Path, metavar='FILE.py', help='write it there as well; it is a config itself')
    args = parser.parse_args()
    if not Path(args.config).is_file():
        print(f'error: {args.config}: no such config file.', file=sys.stderr)
        return 1
    config = Config.fromfile(args.config)
    config.merge_from_dict(args.cfg_options or {})
    print(config.pretty_text)
    if args.save:
        args.save.parent.mkdir(parents=True, exist_ok=True)
        config.dump(args.save)
    return 0


if __name__ == '__main__':
    sys.exit(main())
