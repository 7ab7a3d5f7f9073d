#!/usr/bin/env bash
# Fresh machine to a trained and tested sign-language system, without data, GPU or download of weights: environment, toy
# corpus, pre-training, fine-tuning for words and for sentences, test, a short report. At most 15 minutes on two cores.
#
#   bash tools/quickstart.sh
#
# Running it again reuses what is there; interrupted, it goes on where it was. Everything it makes lies in .venv,
# data/toy_small and work_dirs/quickstart. Environment variables: those of setup_env.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PY="${UNISIGN_VENV:-.venv}/bin/python"
DATA=data/toy_small
WORK=work_dirs/quickstart
CONFIGS=configs/toy
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1

source tools/misc/progress.sh

step() { printf '\n=== %s (%d:%02d) ===\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

# What to say of a line of the log: how far the training is, what a validation gave, what went wrong.
of_training() {
    local words train='Epoch\(train\) +(\[[0-9]+\]\[ *[0-9]+/[0-9]+\]).*eta: ([0-9:]+).* loss: ([0-9.]+)'
    if [[ "$1" =~ $train ]]; then
        REPLY="epoch ${BASH_REMATCH[1]}  loss ${BASH_REMATCH[3]}  time left ${BASH_REMATCH[2]}"
    elif [[ "$1" =~ Epoch\((val|test)\).*\](.*) ]]; then
        read -ra words <<< "${BASH_REMATCH[2]}"
        REPLY="${BASH_REMATCH[1]}  ${words[*]:0:8}"
    elif [[ "$1" == *' is the best: '* ]]; then
        REPLY="best so far  ${1#* - INFO - }"
    elif [[ "$1" =~ (Resum|resum|WARNING) && "$1" != *'No CUDA device'* ]]; then
        REPLY="${1#* - mmengine - }"
    fi
}

# Runs a command with its whole output in a log file; shows how far it is, and on failure the end of the log.
logged() {
    local log="$1" code=0
    shift
    mkdir -p "$(dirname "$log")"
    say "whole log: $log"
    "$@" 2>&1 | tee "$log" | show_progress of_training 'starting' || code=${PIPESTATUS[0]}
    if [ "$code" -ne 0 ]; then
        tail -n 40 "$log" >&2
        printf '\nquickstart.sh: this failed: %s\nThe lines above are the end of %s.\n' "$*" "$log" >&2
        exit "$code"
    fi
}

# What a trained stage depends on: the configs and the corpus. A change starts it anew; the same goes on where it was.
sum_of_inputs() { cat configs/_base_/*.py configs/_base_/*/*.py "$CONFIGS"/*.py "$DATA/meta.json" | cksum | cut -d' ' -f1; }

train() { # NAME: the config is quickstart_NAME_pose.py
    local folder="$WORK/$1" inputs
    inputs="$(sum_of_inputs)"
    if [ "$(cat "$folder/trained" 2>/dev/null)" = "$inputs" ]; then
        echo "already trained: $folder"
        return
    fi
    [ "$(cat "$folder/inputs" 2>/dev/null)" = "$inputs" ] || rm -rf "$folder"
    mkdir -p "$folder"
    echo "$inputs" > "$folder/inputs"
    logged "$folder/train.log" "$PY" tools/train.py "$CONFIGS/quickstart_$1_pose.py" --work-dir "$folder" --resume
    echo "$inputs" > "$folder/trained"
}

evaluate() { # NAME
    local folder="$WORK/$1" # test.py takes the best checkpoint of a run's folder
    logged "$folder/test.log" "$PY" tools/test.py "$CONFIGS/quickstart_$1_pose.py" "$folder" \
        --work-dir "$folder" --out "$folder/predictions.jsonl"
}

step '1 of 7: environment'
bash tools/setup_env.sh

step "2 of 7: toy corpus, a made-up sign language ($DATA)"
"$PY" tools/data/make_toy.py "$DATA" --size small --videos none # keeps what is there

step '3 of 7: single signs, so that the language model learns to look at the frames'
train words

step '4 of 7: stage 1, pre-training on sentences of two languages'
train stage1

step '5 of 7: stage 3, isolated recognition (a clip in, one of the words out)'
train islr

step '6 of 7: stage 3, translation (a clip in, a sentence out)'
train slt

step '7 of 7: test, with signers and sentences that training never saw'
evaluate islr
evaluate slt
echo
"$PY" tools/misc/short_report.py "$WORK/islr/predictions.jsonl" "$WORK/slt/predictions.jsonl"

cat <<END

Done in $((SECONDS / 60)) min $((SECONDS % 60)) s. What to try next:
  see the data       $PY tools/data/browse_dataset.py $CONFIGS/quickstart_slt_pose.py
  every score        $PY tools/analysis/score_text.py $WORK/slt/predictions.jsonl
  learning curves    $PY -m tensorboard.main --logdir $WORK
  the whole corpus   $PY tools/data/make_toy.py data/toy, then the commands of the README
  your own data      docs/own_data.md
  your own modules   docs/add_a_module.md
END
