"""Print which parts of the pose extra work, and how to mend the others; exit status 0 if all it promises works."""

import sys

from unisign.check_pose import main

if __name__ == '__main__':
    sys.exit(main())
