# For scripts that run long commands, by `source`: a line of progress at a time, and a sign of life in silence.

# Prints a message behind the time since the script began.
say() { printf '[%2d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }

# Reads a command's output and says what the function $1 makes of each line (it sets REPLY; empty: say nothing). After ten
# silent seconds it says that the command is still busy, and with what: what was said last, up to two spaces; at first $2.
show_progress() {
    local line last="$2" status
    while true; do
        if IFS= read -r -t 10 line; then
            REPLY=''
            "$1" "$line"
            [ -z "$REPLY" ] || { last="$REPLY"; say "$REPLY"; }
        else
            status=$?
            [ "$status" -gt 128 ] || break
            say "still busy: ${last%%  *}"
        fi
    done
}
