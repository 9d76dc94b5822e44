/**
 * The node, as this page knows it: its status, what was heard of late, incidents. Bounded, however long the
 * page is open. Panels look here and hear of changes; they do not know of one another.
 */
import type { Api } from './api.js';
import { Heights } from './heights.js';
import { Rates } from './rates.js';
import type { LinkState, Listener } from './stream.js';
import type { Entry, Incident, Status } from './types.js';

/** Certificates that are kept, the newest. */
export const MOST_RECENT = 256;
/** Incidents that are kept; the open ones are the last to go. */
const MOST_INCIDENTS = 500;
/** Milliseconds between two tellings of a change: nobody reads faster. */
const TELL_MILLISECONDS = 120;

/** A certificate, and when this page heard of it; undefined for what was there before. */
export interface Heard {
  entry: Entry;
  at: number | undefined;
}

/** What changed. */
export type Change = 'status' | 'certificates' | 'incidents' | 'link' | 'chain';

/** The node. */
export class Model implements Listener {
  readonly api: Api;
  readonly heights: Heights;
  readonly rates = new Rates();
  status: Status | undefined;
  linkState: LinkState = { link: 'connecting' };
  /** The newest certificates, oldest first. */
  recent: Heard[] = [];
  incidents = new Map<number, Incident>();
  #listeners: [Set<Change>, (changes: Set<Change>) => void][] = [];
  #changes = new Set<Change>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Api) {
    this.api = api;
    this.heights = new Heights(api, () => this.#changed('certificates'));
  }

  /** Has a function called soon after any of these changed. */
  on(changes: Change[], listener: (changes: Set<Change>) => void): void {
    this.#listeners.push([new Set(changes), listener]);
  }

  /** Open incidents, the newest first. */
  get open(): Incident[] {
    return [...this.incidents.values()].filter(({ resolved }) => !resolved).sort((a, b) => b.id - a.id);
  }

  /** Height of the newest certificate. */
  get newest(): number {
    return this.heights.newest;
  }

  /** Reads everything once. */
  async begin(): Promise<void> {
    await this.readStatus();
    await this.#readNewest();
    await this.readIncidents();
  }

  async readStatus(): Promise<void> {
    const status = await this.api.json<Status>('/api/status');
    const other = this.status !== undefined && this.status.chain_id !== status.chain_id;
    this.status = status;
    this.rates.counted(Number(status.events_taken), status.uptime_seconds);
    this.#changed('status');
    if (other) {
      // Another chain stands in its place: nothing that was heard is about it.
      this.recent = [];
      this.incidents.clear();
      this.heights.clear();
      this.#changed('chain');
      await this.#readNewest();
      await this.readIncidents();
    }
  }

  async readIncidents(): Promise<void> {
    const [open, newest] = await Promise.all(
      ['?open=true&limit=1000', '?limit=100'].map((which) =>
        this.api.json<{ incidents: Incident[] }>(`/api/incidents${which}`),
      ),
    );
    this.incidents = new Map();
    for (const incident of [...(open?.incidents ?? []), ...(newest?.incidents ?? [])]) {
      this.incidents.set(incident.id, incident);
    }
    this.#changed('incidents');
  }

  async #readNewest(): Promise<void> {
    const { newest, certificates } = await this.api.json<{ newest: string; certificates: Entry[] }>(
      '/api/certificates?limit=100',
    );
    for (const entry of certificates) this.#take(entry, undefined);
    this.heights.grown(Number(newest));
    this.#changed('certificates');
  }

  certificate(entry: Entry): void {
    this.#take(entry, Date.now());
    this.rates.certified();
    this.#changed('certificates');
  }

  incident(incident: Incident): void {
    this.incidents.set(incident.id, incident);
    if (this.incidents.size > MOST_INCIDENTS) {
      const ids = [...this.incidents.values()].sort((a, b) => age(a) - age(b)).map(({ id }) => id);
      this.incidents.delete(ids[0] as number);
    }
    this.#changed('incidents');
  }

  gap(_from: string, to: string): void {
    this.heights.grown(Number(to));
    this.#changed('certificates');
  }

  link(state: LinkState): void {
    this.linkState = state;
    this.#changed('link');
  }

  /** Incidents are not told again, and the chain may be another: both are read anew. */
  async begun(): Promise<void> {
    await this.readStatus();
    await this.readIncidents();
    this.#changed('certificates');
  }

  #take(entry: Entry, at: number | undefined): void {
    const height = Number(entry.height);
    this.heights.put(entry);
    const last = this.recent.at(-1);
    if (last && Number(last.entry.height) >= height) return;
    this.recent.push({ entry, at });
    if (this.recent.length > MOST_RECENT) this.recent.shift();
  }

  #changed(change: Change): void {
    this.#changes.add(change);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const changes = this.#changes;
      this.#changes = new Set();
      for (const [wanted, listener] of this.#listeners) {
        if ([...changes].some((change) => wanted.has(change))) listener(changes);
      }
    }, TELL_MILLISECONDS);
  }
}

/** What goes first: resolved ones, the oldest of them. */
function age({ id, resolved }: Incident): number {
  return resolved ? id - Number.MAX_SAFE_INTEGER / 2 : id;
}
