/** Reading the numbers and names of a WebAssembly binary, with every length checked before it is used. */

/** The binary is not what it should be. The caller says what that means. */
export class Malformed extends Error {}

/** Strict: a name that is no UTF-8 is refused, as every engine refuses it. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** A place in a part of a binary. */
export class Reader {
  readonly bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Offset of the next byte. */
  get at(): number {
    return this.#at;
  }

  /** Whether all was read. */
  get done(): boolean {
    return this.#at === this.bytes.length;
  }

  byte(): number {
    const byte = this.bytes[this.#at];
    if (byte === undefined) throw new Malformed(`it ends at byte ${this.#at}, in the middle of something`);
    this.#at += 1;
    return byte;
  }

  /** An unsigned LEB128 number of at most 32 bits. */
  u32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      // The fifth byte has room for four bits, and nothing may follow it.
      if (shift === 28 && byte > 0x0f) throw new Malformed(`the number before byte ${this.#at} is too large`);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  /** A signed LEB128 number of at most 33 bits, which is skipped. */
  skipS33(): void {
    for (let length = 1; this.byte() >= 0x80; length += 1) {
      if (length === 5) throw new Malformed(`the number before byte ${this.#at} is too long`);
    }
  }

  /** How many entries follow; each takes at least a byte. */
  count(): number {
    const count = this.u32();
    if (count > this.bytes.length - this.#at) {
      throw new Malformed(
        `${count} entries are announced before byte ${this.#at}, and there is no room for them`,
      );
    }
    return count;
  }

  /** The next bytes: a view, no copy. */
  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.#at) {
      const rest = this.bytes.length - this.#at;
      throw new Malformed(`${length} bytes are announced before byte ${this.#at}, and ${rest} follow`);
    }
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  name(): string {
    const bytes = this.take(this.u32());
    try {
      return UTF8.decode(bytes);
    } catch {
      throw new Malformed(`the name before byte ${this.#at} is no UTF-8`);
    }
  }
}
