/** The chain by height: pages of it are read when they are looked at, and the ones that nobody looks at go. */
import type { Api } from './api.js';
import type { Entry } from './types.js';

/** Certificates in a page. */
export const PAGE = 100;
/** Pages that are kept. */
const MOST_PAGES = 40;

/** What is known of one height: `loading` may come, `missing` was asked for and is not there. */
export type Place = Entry | 'loading' | 'missing';

/** The chain, height by height. */
export class Heights {
  readonly #api: Api;
  readonly #changed: () => void;
  /** By number, the one that was looked at last behind. */
  readonly #pages = new Map<number, Map<number, Entry>>();
  /** Pages that were read whole, up to which height. */
  readonly #whole = new Map<number, number>();
  readonly #reading = new Set<number>();
  #newest = 0;

  constructor(api: Api, changed: () => void) {
    this.#api = api;
    this.#changed = changed;
  }

  get newest(): number {
    return this.#newest;
  }

  /** The chain is so long. */
  grown(newest: number): void {
    this.#newest = Math.max(this.#newest, newest);
  }

  clear(): void {
    this.#pages.clear();
    this.#whole.clear();
    this.#newest = 0;
  }

  /** Notes a certificate that came. */
  put(entry: Entry): void {
    const height = Number(entry.height);
    this.grown(height);
    this.#page(Math.floor(height / PAGE)).set(height, slim(entry));
  }

  at(height: number): Place {
    const number = Math.floor(height / PAGE);
    const found = this.#pages.get(number)?.get(height);
    if (found) return found;
    return height <= (this.#whole.get(number) ?? -1) ? 'missing' : 'loading';
  }

  /** Reads what is not known between two heights. */
  look(from: number, to: number): void {
    const first = Math.floor(Math.max(0, from) / PAGE);
    const last = Math.floor(Math.min(to, this.#newest) / PAGE);
    for (let number = first; number <= last; number++) {
      const end = Math.min((number + 1) * PAGE - 1, this.#newest);
      const known = this.#pages.get(number);
      const lacks = !known || known.size < end - number * PAGE + 1;
      if (lacks && (this.#whole.get(number) ?? -1) < end) void this.#read(number);
    }
  }

  /** All entries of a range, read where they are not known. */
  async range(from: number, to: number, signal?: AbortSignal): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (let at = from; at <= to; ) {
      const known = this.at(at);
      if (typeof known === 'object') {
        entries.push(known);
        at += 1;
        continue;
      }
      const { certificates } = await this.#ask(at, Math.min(1000, to - at + 1), signal);
      if (Number(certificates[0]?.height) !== at) {
        throw new Error(`the node gave no certificate at height ${at}`);
      }
      entries.push(...certificates.map(slim));
      at += certificates.length;
    }
    return entries;
  }

  async #read(number: number): Promise<void> {
    if (this.#reading.has(number)) return;
    this.#reading.add(number);
    try {
      const { newest, certificates } = await this.#ask(number * PAGE, PAGE);
      for (const entry of certificates) this.put(entry);
      this.#whole.set(number, Math.min((number + 1) * PAGE - 1, Number(newest)));
      this.#changed();
    } catch {
      // The line to the node says that it is broken; where it is there again, this is looked at again.
    } finally {
      this.#reading.delete(number);
    }
  }

  #ask(from: number, limit: number, signal?: AbortSignal) {
    const path = `/api/certificates?from=${from}&limit=${limit}`;
    return this.#api.json<{ newest: string; certificates: Entry[] }>(path, signal);
  }

  #page(number: number): Map<number, Entry> {
    const page = this.#pages.get(number) ?? new Map<number, Entry>();
    this.#pages.delete(number);
    this.#pages.set(number, page);
    if (this.#pages.size > MOST_PAGES) {
      const oldest = this.#pages.keys().next().value as number;
      this.#pages.delete(oldest);
      this.#whole.delete(oldest);
    }
    return page;
  }
}

/** Without what only its own panel shows, which asks for it again. */
function slim({ coverage: _coverage, ...entry }: Entry): Entry {
  return entry;
}
