# The message in every frame of an `.omega` log. This file is frozen: its BLAKE3 hash (plain, `b3sum`)
# is the schema hash that logs and certificates name. A change is a new file with a new name.
#
# Messages are canonical (https://capnproto.org/encoding.html#canonicalization), a single segment,
# without a segment table: `capnp decode --flat schemas/omega.capnp Event < message` prints one.
# What else a reader must check stands in schemas/log.md.

@0xd3c1f0a6b7e24c95;

struct Event @0xa4d1f3e87c2b9065 {
  lamport       @0 :UInt64;   # Lamport time, the first part of the order.
  idLow         @1 :UInt64;   # The event's id: 128 bits of which the top 16 are zero.
  idHigh        @2 :UInt64;
  prevLow       @3 :UInt64;   # Id of the event before it in its (node, stream); 0: not linked.
  prevHigh      @4 :UInt64;
  payloadLength @5 :UInt64;   # Bytes in the payload, also once it is erased.
  payloadHash0  @6 :UInt64;   # BLAKE3 of the payload, keyed by the salt where there is one:
  payloadHash1  @7 :UInt64;   # 32 bytes in order, eight to a field, each little-endian.
  payloadHash2  @8 :UInt64;
  payloadHash3  @9 :UInt64;
  node          @10 :UInt32;  # The writer.
  stream        @11 :UInt16;  # One of the writer's sequences; 0x8000 and above are causal-only.
  payloadState  @12 :PayloadState;
  payload       @13 :Data;            # Null exactly when erased.
  deps          @14 :List(UInt64);    # Ids it depends on, strictly ascending: low, high, low, high, …
  claim         @15 :Data;            # Null, or 32 bytes: hash of the application state it was made in.
  salt          @16 :Data;            # Null, or the 32 bytes that key the payload hash.
  observed      @17 :Data;            # Null, or what an erased payload that did not fit was:
                                      # its length (8 bytes, little-endian) and BLAKE3 hash (32).
}

enum PayloadState {
  unset   @0;   # Never valid; so the last data word is never zero and the shape is fixed.
  present @1;
  erased  @2;
}

struct Head @0xc95b02f4de718a36 {
  # Signs all events before it in the log. Only a head that is the log's last frame counts.
  eventCount @0 :UInt64;
  logRoot0   @1 :UInt64;      # The canonical log root, 32 bytes in order.
  logRoot1   @2 :UInt64;
  logRoot2   @3 :UInt64;
  logRoot3   @4 :UInt64;
  key0       @5 :UInt64;      # Ed25519 public key, 32 bytes in order.
  key1       @6 :UInt64;
  key2       @7 :UInt64;
  key3       @8 :UInt64;
  signature0 @9 :UInt64;      # Ed25519 signature, 64 bytes in order.
  signature1 @10 :UInt64;
  signature2 @11 :UInt64;
  signature3 @12 :UInt64;
  signature4 @13 :UInt64;
  signature5 @14 :UInt64;
  signature6 @15 :UInt64;
  signature7 @16 :UInt64;
  algorithm  @17 :UInt16;     # 1: Ed25519. Never zero, so the shape is fixed.
}
