#!/usr/bin/env bash
# A tour that checks itself: each step says what it does, shows the command, runs it, and fails the
# whole tour when the command answers another exit code than expected. Read it at 80 columns.
#
#   OMEGA   the command (default: built here)
#   TRACE   a concurrent editing trace, F.json or F.json.gz (default: none; that part is left out)
#   KEEP    a folder to work in and to leave as it is (default: a temporary one)
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

readonly REPOSITORY=$PWD
OMEGA=${OMEGA:-}
TRACE=${TRACE:-}
steps=0
brief=no

serving=

main() {
    prepare
    two_friends
    damage
    conflict
    node
    own_history
    if [ -n "$TRACE" ]; then
        editing_trace
    else
        say "Left out: a document written by two people at once. Give it with" \
            "TRACE=friendsforever.json.gz (from the public editing-traces collection)."
    fi
    part "Done: $steps steps, each with the answer that was expected."
}

two_friends() {
    part "1. Two logs that agree"
    say "Alice and Bob each keep a log of what they decide. Each signs their own."
    run 0 omega keygen --output alice.key
    run 0 omega keygen --output bob.key
    run 0 omega append --log alice.omega --node 1 --key alice.key --payload "Lunch on Friday?"
    local question
    question=$(answer id)
    say "Bob has seen Alice's log. His answer names the event that it depends on."
    run 0 omega append --log bob.omega --node 2 --key bob.key --seen alice.omega \
        --dep "$question" --payload "Yes, at noon"
    noon=$(answer id)
    say "Do these logs agree?"
    run 0 omega check alice.omega bob.omega
    say "They do. A judge certifies it: the verdict is bound to the very checker that" \
        "found it, signed, and put into a chain."
    run 0 omega keygen --output judge.key
    certify friends 1 alice.omega bob.omega
    say "Anybody can check that later. Trust comes from outside: whose signature counts?" \
        "The logs are judged again by the checker that the certificate names."
    run 0 omega verify --cert-log friends/cert.log --trust judge.pub \
        --input alice.omega --input bob.omega
}

damage() {
    part "2. What if somebody touches the files?"
    mkdir damaged
    say "One bit of a payload flips on the disk. That is damage, not an accusation: there" \
        "is no verdict (30), and the frame is named."
    copy bob.omega damaged/flipped.omega
    flip damaged/flipped.omega 250
    run 30 omega check alice.omega damaged/flipped.omega

    say "The file was cut short: an append that did not finish. What is whole can be kept." \
        "The original stays as it is."
    copy alice.omega damaged/cut.omega
    truncate --size=-40 damaged/cut.omega
    run 30 omega check damaged/cut.omega bob.omega
    run 0 omega ingest --input damaged/cut.omega --recover damaged/kept.omega

    say "A transfer in text mode converted the line ends."
    sed 's/\r$//' alice.omega >damaged/text.omega
    run 30 omega check damaged/text.omega bob.omega

    say "Bob rewrites history: same id, same number of events, other words, everything" \
        "well-formed and signed again by him. His log is sound in itself. But it is not" \
        "the log that was certified: verification fails (20)."
    mkdir rewritten
    run 0 omega append --log rewritten/bob.omega --node 2 --key bob.key --seen alice.omega \
        --id "$noon" --payload "Yes, at one"
    run 0 omega ingest --input rewritten/bob.omega
    run 20 omega verify --cert-log friends/cert.log --trust judge.pub \
        --input alice.omega --input rewritten/bob.omega

    say "One bit of the certificate flips."
    copy friends/friends.cert damaged/flipped.cert
    flip damaged/flipped.cert 400
    run 20 omega verify --cert damaged/flipped.cert --trust judge.pub

    say "A sound certificate, but by nobody whom we trust: nothing is proved wrong, and" \
        "nothing can be believed (30)."
    run 30 omega verify --cert-log friends/cert.log --trust bob.pub

    say "Erasing is not damage. Bob's payload goes, its hash stays, the certificate stays" \
        "right, and the answer says how many payloads were not checked."
    run 0 omega erase --input bob.omega --event "$noon" --output damaged/erased.omega
    run 0 omega verify --cert-log friends/cert.log --trust judge.pub \
        --input alice.omega --input damaged/erased.omega

    say "Would every damage be noticed? A drill does them all, one at a time, to copies" \
        "of the evidence, and says whether each was noticed and the file named."
    mkdir kept
    copy alice.omega kept/alice.omega
    copy bob.omega kept/bob.omega
    copy friends/cert.log kept/cert.log
    copy friends/cert.idx kept/cert.idx
    copy friends/cert.hash kept/cert.hash
    copy friends/friends.cert kept/friends.cert
    run 0 omega drill --data kept --key judge.key
    say "Its report is a log of its own, signed."
    run 0 omega check drill.omega
}

conflict() {
    part "3. Two logs that do not agree"
    say "Bob told Alice one thing and Carol another, under one id. Each got a log signed by" \
        "Bob, and each log is sound:"
    run 0 omega check alice.omega bob.omega
    run 0 omega ingest --input rewritten/bob.omega
    say "Side by side they cannot both be Bob's history."
    run 10 omega check alice.omega bob.omega rewritten/bob.omega
    say "A conflict leaves a folder with all that it takes to judge it again, on any machine:"
    brief=yes
    run 10 omega replay --crash "$(answer crash_folder)"
    brief=no
    say "The conflict is certified too. That certificate carries its own evidence: it can be" \
        "checked with no log at hand, and it names the key that signed both."
    certify dispute 1 alice.omega bob.omega rewritten/bob.omega
    run 0 omega verify --cert dispute/dispute.cert --trust judge.pub
    say "Something that is missing is a conflict too. Bob's answer alone depends on a question" \
        "that nobody shows:"
    run 10 omega check bob.omega
}

node() {
    part "4. A node: the same logs, as they are written"
    say "It takes events in over HTTP, answers when they are on disk, and certifies what it" \
        "judges. Its key and its first token it makes itself."
    show_command serve --data node
    # It is looked into before the shell may have opened it for the node.
    : >node.log
    "$OMEGA" serve --data node --listen 127.0.0.1:0 >node.json 2>>node.log &
    serving=$!
    for _ in $(seq 600); do
        url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' node.log)
        if [ -n "$url" ] || ! kill -0 $serving 2>/dev/null; then break; fi
        sleep 0.1
    done
    [ -n "$url" ] || stop "the node did not start: $(cat node.log)"
    echo "(it listens at $url)"
    echo
    send alice alice.omega '"set_aside":\[\]'
    send bob bob.omega '"set_aside":\[\]'
    say "What Bob told Carol is not what he told Alice. That is certified, and what came" \
        "second is set aside until somebody decides. The node goes on."
    send carol rewritten/bob.omega "\"set_aside\":\[\"$noon\"\]"
    say "Anybody can take the chain and the logs that were judged, and needs nobody's word:"
    fetch /api/cert.log taken.log
    fetch /api/certificates/1/logs/0 taken-1.omega
    fetch /api/certificates/2/logs/0 taken-2.omega
    fetch /api/certificates/3/logs/0 taken-3.omega
    echo
    kill $serving
    wait $serving || stop "the node did not end well: $(cat node.log)"
    serving=
    run 0 omega verify --cert-log taken.log --trust node/node.pub \
        --input taken-1.omega --input taken-2.omega --input taken-3.omega
}

# send LOG FILE WANTED: posts a file to the node; its answer must have WANTED in it.
send() {
    echo "\$ curl -H \"Authorization: Bearer \$TOKEN\" --data-binary @$2 \\"
    echo "    -H 'Content-Type: application/vnd.omega.log' \\"
    echo "    '$url/api/events?log=$1&wait=certified'"
    curl --silent --show-error --max-time 60 -H "Authorization: Bearer $(cat node/token)" --data-binary "@$2" \
        -H 'Content-Type: application/vnd.omega.log' "$url/api/events?log=$1&wait=certified" >answer.json
    cat answer.json
    echo
    grep -q "$3" answer.json || stop "that is not what was expected: $3"
    echo
    steps=$((steps + 1))
}

# fetch PATH FILE: gets something from the node.
fetch() {
    echo "\$ curl $url$1 -o $2"
    curl --silent --show-error --fail --max-time 60 "$url$1" -o "$2"
}

own_history() {
    part "5. Real input: the history of this repository"
    if [ "$(git -C "$REPOSITORY" rev-parse --is-shallow-repository)" = true ]; then
        stop "this clone is shallow: its history is incomplete. Run \`git fetch --unshallow\`."
    fi
    say "Each commit is an event, each author a writer, parents are dependencies."
    run 0 omega import git --repo "$REPOSITORY" --split-by node --output history.omega
    whole_story history
}

editing_trace() {
    part "6. Real input: one document, written by two people at once"
    local trace
    trace=$(basename "$TRACE")
    ln -s "$TRACE" "$trace"
    run 0 omega import trace --input "$trace" --split-by node --output trace.omega
    whole_story trace
}

# whole_story NAME: judges the writers' logs of NAME.omega together, certifies, verifies, damages one.
whole_story() {
    local name=$1 logs=() inputs=() log
    for log in "$name".*.omega; do
        logs+=("$log")
        inputs+=(--input "$log")
    done
    say "One log for each of ${#logs[@]} writer(s), judged together:"
    run 0 omega check "${logs[@]}"
    certify "$name" 1 "${logs[@]}"
    run 0 omega verify --cert-log "$name/cert.log" --trust judge.pub "${inputs[@]}"
    say "One byte in the middle of the first writer's log:"
    copy "${logs[0]}" "damaged/$name.omega"
    flip "damaged/$name.omega" $(($(stat --format=%s "${logs[0]}") / 2))
    run 30 omega check "damaged/$name.omega" "${logs[@]:1}"
}

# certify FOLDER BATCH LOG…: judges, keeps the result, certifies it in FOLDER.
certify() {
    local folder=$1 batch=$2 inputs=() log expected=0
    shift 2
    for log in "$@"; do inputs+=(--input "$log"); done
    if [ "$folder" = dispute ]; then expected=10; fi
    mkdir "$folder"
    # What it says was shown by `check`.
    brief=yes
    run $expected omega reconcile "${inputs[@]}" --batch-id "$batch" --replay-seed 7 \
        --output "$folder/result"
    brief=no
    run 0 omega certify --result "$folder/result" --batch-id "$batch" --replay-seed 7 \
        --schema-version 1 --key judge.key --output "$folder/$folder.cert" \
        --cert-log "$folder/cert.log" "${inputs[@]}"
}

# run EXIT omega …: shows the command and what it says to people; stops at another exit code.
run() {
    local expected=$1 status=0
    shift 2
    show_command "$@"
    "$OMEGA" "$@" >answer.json 2>said.txt || status=$?
    if [ "$brief" = yes ]; then
        sed -e '/^$/d' -e '/^  /d' said.txt
    else
        cat said.txt
    fi
    if [ "$status" != "$expected" ]; then
        cat answer.json
        stop "exit $status, but $expected was expected"
    fi
    echo "(exit $status, as expected)"
    echo
    steps=$((steps + 1))
}

# answer FIELD: a string of the last command's JSON object.
answer() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" answer.json
}

show_command() {
    local line="\$ omega" flag="" word
    for word in "$@"; do
        word=${word/#$REPOSITORY/.}
        case $word in
        --*) # Stays with its value.
            put_word "$flag"
            flag=$word
            continue
            ;;
        *[!A-Za-z0-9_./=-]*) word="\"$word\"" ;;
        esac
        put_word "$flag${flag:+ }$word"
        flag=""
    done
    put_word "$flag"
    echo "$line"
}

# put_word WORD: behind `line`, or on the next one where it would pass column 78.
put_word() {
    if [ -z "$1" ]; then return; fi
    if [ $((${#line} + ${#1})) -gt 75 ]; then
        echo "$line \\"
        line="   "
    fi
    line="$line $1"
}

# flip FILE OFFSET: turns the lowest bit of one byte.
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
    echo "  (flipped one bit: byte $2 of $1)"
}

copy() {
    cp "$1" "$2"
}

part() {
    printf '\n%s\n%s\n\n' "$*" "$(printf '%*s' ${#1} '' | tr ' ' -)"
}

say() {
    echo "$*" | fold -s -w 78 | sed 's, *$,,'
    echo
}

# Ends the node, wherever the tour stops.
end() {
    if [ -n "$serving" ]; then kill "$serving" 2>/dev/null || true; fi
}

stop() {
    echo "demo: $*" >&2
    exit 1
}

prepare() {
    if [ -z "$OMEGA" ]; then
        cargo build --release --locked -p omega-sheaf
        OMEGA=${CARGO_TARGET_DIR:-target}/release/omega
    fi
    OMEGA=$(realpath "$OMEGA")
    if [ -n "$TRACE" ]; then TRACE=$(realpath "$TRACE"); fi
    if [ -n "${KEEP:-}" ]; then
        mkdir -p "$KEEP"
        cd "$KEEP"
    else
        local folder
        folder=$(mktemp -d)
        # shellcheck disable=SC2064
        trap "end; rm -rf '$folder'" EXIT
        cd "$folder"
    fi
}

main "$@"
