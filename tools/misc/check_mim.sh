#!/usr/bin/env bash
# Checks that OpenMMLab's mim works with the wheel: builds it, installs it with openmim into a fresh environment, and there
# trains, tests and downloads with mim, in a folder that holds nothing but a tiny toy corpus.
#
#   bash tools/misc/check_mim.sh FOLDER      new; 1.6 GB, most of the time is installing (docs/checkpoints.md has figures)
#
# The weights are downloaded from a server on this machine: their address in the installed metafile is changed to it, for
# mim knows no mirrors. UNISIGN_PYTHON names the Python 3.11 or 3.12 to take.
set -euo pipefail
REPO="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
[ $# = 1 ] && [ ! -e "$1" ] || { echo "usage: bash tools/misc/check_mim.sh FOLDER, one that does not exist yet" >&2; exit 1; }
mkdir -p "$1"
cd "$1"
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
BIN="$PWD/venv/bin"
step() { printf '%4ds  %s\n' "$SECONDS" "$*"; }

step 'building the wheel from the files of the checkout'
mkdir source
(cd "$REPO" && git ls-files -coz --exclude-standard | tar --null -T - -cf -) | tar -xf - -C source
"${UNISIGN_PYTHON:-python3}" -m venv venv
"$BIN/pip" install -q 'setuptools<81' wheel
"$BIN/pip" wheel -q --no-deps --no-build-isolation -w wheel ./source
rm -r source

step 'installing it, with openmim, into a fresh environment'
"$BIN/pip" install -q -c "$REPO/requirements/constraints.txt" wheel/*.whl openmim==0.3.9

mkdir empty
cd empty
FILES="$("$BIN/python" -c 'import unisign, pathlib; print(pathlib.Path(unisign.__file__).parent / ".mim")')"
step "what the wheel brought: $(ls -A "$FILES" | tr '\n' ' ')"
step 'a tiny toy corpus'
"$BIN/python" "$FILES/tools/data/make_toy.py" data/toy --size tiny --videos none 2>../toy.log
LOADERS=()
for loader in train val test; do
    LOADERS+=("${loader}_dataloader.num_workers=0" "${loader}_dataloader.persistent_workers=False")
done

step 'mim train'
"$BIN/mim" train unisign stage3_toy-islr_pose.py --work-dir run --cfg-options \
    train_cfg.max_epochs=1 load_from=None param_scheduler.warmup_steps=0 "${LOADERS[@]}" >../train.log 2>&1
tail -n 1 ../train.log
step 'mim test'
"$BIN/mim" test unisign stage3_toy-islr_pose.py --checkpoint run/checkpoints/epoch_1.pth --work-dir scores \
    --out preds.jsonl --cfg-options "${LOADERS[@]}" >../test.log 2>&1
tail -n 1 ../test.log
step "scored: $(wc -l <preds.jsonl) clips, $(grep -c top1 scores/test_metrics.json) scores with top1 in the name"

step 'mim download, from a server on this machine'
mkdir hub
cp run/checkpoints/epoch_1.pth hub/how2sign_pose_only_slt.pth
"$BIN/python" -u -m http.server --bind 127.0.0.1 --directory hub 0 >../server.log 2>&1 &
SERVER=$!
trap 'kill $SERVER' EXIT
until PORT="$(sed -n 's/.* port \([0-9]*\).*/\1/p' ../server.log)" && [ -n "$PORT" ]; do sleep 0.1; done
METAFILE="$FILES/configs/unisign/metafile.yml"
cp "$METAFILE" ../metafile.yml
sed -i "s#https://huggingface.co/ZechengLi19/Uni-Sign/resolve/main#http://127.0.0.1:$PORT#" "$METAFILE"
"$BIN/mim" download unisign --config stage3_how2sign_pose --dest downloaded >../download.log 2>&1
cp ../metafile.yml "$METAFILE"
cmp hub/how2sign_pose_only_slt.pth downloaded/how2sign_pose_only_slt.pth
"$BIN/python" -c "from mmengine.config import Config; print(Config.fromfile('downloaded/stage3_how2sign_pose.py').model.type)"
step "downloaded: $(ls downloaded | tr '\n' ' ')"
step 'mim works with the wheel'
