/** How fast things go: counts of the last minute, second by second. */

/** Seconds that are kept. */
export const SECONDS = 60;
/** Seconds that a rate is the mean of. */
const MEAN_SECONDS = 10;

/** A count for each of the last seconds. */
class Row {
  readonly #counts = new Map<number, number>();

  add(count: number, second: number): void {
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + count);
    for (const old of this.#counts.keys())
      if (old < second - SECONDS - MEAN_SECONDS) this.#counts.delete(old);
  }

  /** The last minute, oldest first. */
  last(now: number): number[] {
    return Array.from({ length: SECONDS }, (_, at) => this.#counts.get(now - SECONDS + at) ?? 0);
  }

  /** For each second. */
  mean(now: number): number {
    const last = this.last(now).slice(-MEAN_SECONDS);
    return last.reduce((sum, count) => sum + count, 0) / MEAN_SECONDS;
  }
}

/** Events taken in and certificates made. */
export class Rates {
  readonly events = new Row();
  readonly certificates = new Row();
  #taken: { count: number; uptime: number; second: number } | undefined;

  /** So many events were taken in since the node started, which runs so many seconds. */
  counted(count: number, uptime: number): void {
    const second = this.now;
    const before = this.#taken;
    this.#taken = { count, uptime, second };
    // A node that was started again counts from zero.
    if (!before || uptime < before.uptime || count < before.count) return;
    const seconds = Math.max(1, Math.min(second - before.second, SECONDS));
    for (let at = 0; at < seconds; at++) this.events.add((count - before.count) / seconds, second - at);
  }

  certified(): void {
    this.certificates.add(1, this.now);
  }

  get now(): number {
    return Math.floor(Date.now() / 1000);
  }
}
