#!/usr/bin/env bash
# The kernel's tests under Miri, an interpreter that notices undefined behaviour: in the kernel, which has no unsafe
# code natively, and in what it is built from (hashes, curves, checksums, Cap'n Proto). Needs `scripts/setup.sh miri`.
#
# An interpreter is some thousand times slower. So cases that are drawn at random are few, and some tests are left out
# (below, with why). They run natively, in `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."

# Unit tests, and of kernel/tests the rooms that go through everything once. Not `body_rules`, `cert_log`,
# `certificate_rules`, `chain_rules`, `damage`, `determinism`, `evidence_limits`, `evidence_soundness`,
# `evidence_tamper`, `full_size`, `moved_frames`, `reference_model`, `state_model`, `tries` and `vectors`: thousands of
# batches, or every truncation and every bit of something, or hundreds of signatures at seconds each; not `house` and
# `spec_tables`, which are about the sources.
readonly ROOMS=(
    tests:: events:: frames:: golden:: predicates:: proofs:: runs:: session_rules:: wire_against_capnp:: wire_rules::
)

# One test each that takes as long as all others together: every length, bit or shape, a cap in full, or thousands of items.
readonly LEFT_OUT=(
    every_bit_is_folded
    folding_gives_the_library_s_checksum_at_every_length
    a_frame_of_any_length_has_the_library_s_checksum
    finds_what_is_there_and_nothing_else
    lanes_give_the_library_s_hashes
    messages_of_every_length_and_company_have_the_library_s_hashes
    every_spread_is_sorted
    slices_are_a_shift
    items_keep_their_index_across_segments
    every_tree_and_path_up_to_130_leaves_is_the_rfc_s
    the_accumulator_keeps_one_hash_for_each_set_bit_of_its_groups
    a_proof_with_any_flipped_byte_is_refused
    a_proof_of_another_place_or_length_is_refused
    a_path_longer_than_the_count_allows_is_refused_under_the_root_it_leads_to
    a_merge_hashes_each_node_above_its_leaves_once
    the_deepest_trie_is_walked_to_its_end
    the_root_is_the_one_of_leaves_that_come_one_by_one
    every_pair_of_branch_bits_is_reached
    a_proof_from_a_slice_walks_to_its_root
    a_restored_state_is_the_same_state
    any_part_can_be_read_alone
    chunks_stay_within_the_limit
    every_truncation_and_every_flipped_bit_is_refused
    a_header_keeps_the_caps_of_an_event
    a_tail_is_searched_so_far
    a_limited_log_may_end_anywhere_behind_its_limit
    feeding_tells_how_many_events_were_read
    lists_have_their_lengths
    an_entry_has_the_shape_that_scanning_gives
    a_proof_is_read_as_it_was_written_and_nothing_altered_shows_the_same
    an_event_that_is_not_there_has_no_proof_and_repeats_have_a_bounded_number
    # The capnp library takes bytes at multiples of 8 alone; the interpreter places them there only where that is asked for.
    a_head_has_the_library_s_canonical_bytes
    canonical_means_the_same
    # Its name holds another room's.
    moved_frames::
    # Another program: the interpreter starts none.
    committed_bindings_are_what_the_compiler_generates
)

skip=()
for name in "${LEFT_OUT[@]}"; do
    skip+=(--skip "$name")
done
cargo +nightly --version
cargo +nightly miri --version
start=$SECONDS
# Tests read vectors from files: the interpreter is let out for that.
MIRIFLAGS="-Zmiri-disable-isolation ${MIRIFLAGS:-}" OMEGA_CASES="${OMEGA_CASES:-3}" \
    cargo +nightly miri test --locked --package omega-kernel --lib --test all -- "${ROOMS[@]}" "${skip[@]}" "$@"
echo "miri: ok, $((SECONDS - start)) s; left out by name: ${#LEFT_OUT[@]} tests, and the rooms that are not listed"
