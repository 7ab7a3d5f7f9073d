#!/usr/bin/env bash
# One run of the ablations of the RGB branch (docs/ablations.md): training from stage 1, then the test split.
#
#   bash tools/analysis/ablate_rgb.sh prepare
#   bash tools/analysis/ablate_rgb.sh VARIANT SEED [--cfg-options OPTION ...]
#
# prepare makes, once, data/toy_palms with packed hands and the encoder's first weights, from data/toy with videos.
# VARIANT: pose, prior_guided, cross_attention, concat, random (frames), all (frames). Needs the stage 1 checkpoint, too.
# Writes work_dirs/ablation/SIGNS_VARIANT_SEED. Environment: DATA (data/toy_palms); SIGNS: fingers, the eleven that only
# the fingers tell apart, or all; EPOCHS (40, or 6 with all signs).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ $# -ge 2 ] || [ "${1:-}" = prepare ] || { sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
data=${DATA:-data/toy_palms} signs=${SIGNS:-fingers}
case $signs in
    fingers) lists=(fingers_train fingers_dev fingers_test) epochs=${EPOCHS:-40} ;;
    all) lists=(islr_both islr_dev islr_test) epochs=${EPOCHS:-6} ;;
    *) echo "SIGNS=$signs: should be fingers or all" >&2; exit 2 ;;
esac
alike='"text": "(can|now|two|three|father|mother|water|apple|red|I|fish)"'
python="${UNISIGN_VENV:-.venv}/bin/python"
[ -x "$python" ] || python=python

if [ "$1" = prepare ]; then
    "$python" tools/data/make_toy.py "$data" --detector palms --margin 0 --videos none
    folder="$data/annotations"
    ln -sfn ../toy/videos "$data/videos" # the same for every detector
    grep -h '"lang": "en"' "$folder/islr_train.jsonl" "$folder/dictionary_train.jsonl" > "$folder/islr_both.jsonl"
    grep -E "$alike" "$folder/islr_both.jsonl" > "$folder/fingers_train.jsonl"
    for split in dev test; do grep -E "$alike" "$folder/islr_$split.jsonl" > "$folder/fingers_$split.jsonl"; done
    "$python" tools/data/extract_hand_crops.py "$folder"/islr_{both,dev,test}.jsonl "$data/hands.lmdb" --coding png
    "$python" tools/models/pretrain_toy_hands.py data/toy_hands.safetensors --channels 32 64 128 128 \
        --clips 14000 --epochs 12
    exit
fi
variant=$1 seed=$2
shift 2
config=configs/toy/stage3_toy-islr.py
options=(load_from=work_dirs/stage1_toy_pose/checkpoints/epoch_14.pth)
options+=(train_cfg.max_epochs="$epochs" train_cfg.val_interval="$epochs")
for loader in train val test; do
    options+=("${loader}_dataloader.dataset.data_root=$data")
    options+=("${loader}_dataloader.dataset.ann_file=annotations/${lists[0]}.jsonl")
    lists=("${lists[@]:1}")
done

frames() { for loader in train val test; do options+=("${loader}_dataloader.dataset.pipeline.2.$1"); done; }
case $variant in
    pose) config=configs/toy/stage3_toy-islr_pose.py ;;
    prior_guided) ;;
    cross_attention) options+=(model.fusion.type=CrossAttentionFusion) ;;
    concat) options+=(model.fusion._delete_=True model.fusion.type=ConcatFusion model.fusion.channels=32) ;;
    random) frames sampler.type=RandomFrameSampler ;;
    all) frames ratio=1.0 ;;
    *) echo "unknown variant $variant" >&2; exit 2 ;;
esac
if [ "$variant" != pose ]; then
    for loader in train val test; do options+=("${loader}_dataloader.dataset.pipeline.3.windows=$data/hands.lmdb"); done
    options+=(model.rgb_encoder.backbone.weights=data/toy_hands.safetensors)
    options+=('model.rgb_encoder.backbone.channels=(32,64,128,128)')
    options+=(optim_wrapper.paramwise_cfg.lr_mult.fusion=3.0 default_hooks.visualization.num_clips=0)
fi
[ "${1:-}" != --cfg-options ] || shift
work_dir=work_dirs/ablation/${signs}_${variant}_$seed
"$python" tools/train.py "$config" --work-dir "$work_dir" --seed "$seed" --overwrite --cfg-options "${options[@]}" "$@"
"$python" tools/test.py "$config" "$work_dir/checkpoints/epoch_$epochs.pth" --work-dir "$work_dir/test" \
    --out "$work_dir/predictions.jsonl" --cfg-options "${options[@]}" "$@"
