# Shell functions for the cases in this folder; sourced before every line that they run.

# poke FILE OFFSET BYTES: overwrites bytes in place; BYTES as printf writes them ('\x00')
poke() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

# bytes FILE OFFSET COUNT
bytes() { dd if="$1" iflag=skip_bytes,count_bytes,fullblock skip="$2" count="$3" bs=64k status=none; }

# flip FILE OFFSET: turns the lowest bit of a byte
flip() { poke "$1" "$2" "\\x$(printf %02x $((0x$(bytes "$1" "$2" 1 | od -An -tx1 | tr -d ' \n') ^ 1)))"; }

# crc32 < BYTES: CRC-32 (ISO-HDLC) as four bytes: the one at the end of every gzip file
crc32() { gzip -c | tail -c 8 | head -c 4; }

# seal_header FILE: makes a log header's checksum fit again
seal_header() { head -c 124 "$1" | crc32 | dd of="$1" bs=1 seek=124 conv=notrunc status=none; }

# seal_frame FILE OFFSET LENGTH: makes the checksum of the frame at OFFSET, with LENGTH bytes of
# message, fit again
seal_frame() {
    { bytes "$1" "$2" 4; bytes "$1" $(($2 + 8)) "$3"; } | crc32 |
        dd of="$1" bs=1 seek=$(($2 + 4)) conv=notrunc status=none
}

# frame_length FILE OFFSET: bytes of message in the frame at OFFSET
frame_length() { bytes "$1" "$2" 4 | od -An -tu4 | tr -d ' '; }

# unprivileged COMMAND…: as a user who may read only what everybody may
unprivileged() {
    if [ "$(id -u)" = 0 ]; then
        HOME=/nonexistent XDG_CACHE_HOME= setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    else
        "$@"
    fi
}

# small_disk KIB SCRIPT: runs a script in ./disk, a disk of its own with so much room
small_disk() {
    mkdir -p disk
    unshare --mount --map-root-user bash -euo pipefail -c \
        'mount -t tmpfs -o size="$1"k none disk; cd disk; . "$2"; eval "$3"' - "$1" "${BASH_SOURCE[0]}" "$2"
}

# catches PID: waits until omega has a handler for SIGTERM (bit 14 of the mask; the shell that
# becomes omega may have one too)
catches() {
    local mask
    while mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status") && [ -n "$mask" ]; do
        if [ "$(cat "/proc/$1/comm")" = omega ] && (((0x$mask & 0x4000) != 0)); then break; fi
        sleep 0.01
    done
    sleep 0.02
}

# verify_page [FORM]: what is enough of a verify page for parts to be put into it; the real one is built later
verify_page() {
    printf '<!doctype html>\n<!-- omega verify-page %s -->\n<div hidden id="omega-parts">\nx\n</div>\n' "${1:-1}"
}
