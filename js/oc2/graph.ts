/**
 * The map's graph: events and certificates, and what ties them. The newest events stay and the oldest go;
 * events in an open conflict stay as long as it is open. Nothing here knows how it is drawn.
 */
import type { Batch, Entry, Fate, Header, Incident } from './types.js';

/** Events that are kept, the newest. */
export const MOST_EVENTS = 500;
/** Certificates that are kept, the newest. */
const MOST_CERTIFICATES = 120;
/** Open conflicts whose events are shown, the newest. */
const MOST_CONFLICTS = 40;

/** A place on the map; the simulation writes the coordinates. */
interface Placed {
  key: string;
  x?: number;
  y?: number;
  vx?: number;
  vy?: number;
  /** Held at this place. */
  fx?: number;
  fy?: number;
  /** Number of the column that it belongs to, from the oldest certificate on. */
  column: number;
}

/** An event, in one version. */
export interface EventNode extends Placed {
  kind: 'event';
  id: string;
  hash: string | undefined;
  /** The logs that hold it, as far as their batches were read. */
  logs: Set<string>;
  /** The newest certificate whose batch held it. */
  height: number;
  state: Fate | 'absent';
  about: Header | undefined;
  /** Open incidents that it is a part of. */
  incidents: Set<number>;
}

/** A certificate. */
export interface CertificateNode extends Placed {
  kind: 'certificate';
  height: number;
  entry: Entry;
  /** Events of its batch that are not shown. */
  more: number;
}

export type Node = EventNode | CertificateNode;
export type Tie = 'depends' | 'before' | 'chain' | 'judged' | 'conflict';

/** What ties two nodes. */
export interface Link {
  source: Node;
  target: Node;
  tie: Tie;
}

/** The graph. */
export class Graph {
  readonly #events = new Map<string, EventNode>();
  readonly #certificates = new Map<number, CertificateNode>();
  #conflicts: Incident[] = [];
  nodes: Node[] = [];
  links: Link[] = [];

  /** Whether the batch of a certificate is in it. */
  has(height: number): boolean {
    return this.#certificates.has(height);
  }

  clear(): void {
    this.#events.clear();
    this.#certificates.clear();
    this.#conflicts = [];
    this.#tie();
  }

  /** Takes a certificate with its batch; what is too old goes. */
  add(entry: Entry, batch: Batch | undefined): void {
    const height = Number(entry.height);
    const shown = batch?.logs.flatMap(({ first }) => first).length ?? 0;
    const all = batch?.logs.reduce((sum, { events }) => sum + Number(events), 0) ?? 0;
    const node = this.#certificates.get(height);
    if (node) Object.assign(node, { entry, more: all - shown });
    else {
      const made = {
        kind: 'certificate',
        key: `c${height}`,
        height,
        entry,
        more: all - shown,
        column: 0,
      } as const;
      this.#certificates.set(height, { ...made });
    }
    for (const log of batch?.logs ?? []) for (const header of log.first) this.#hold(log.name, header, height);
    this.#drop();
    this.#tie();
  }

  /** These conflicts are open. */
  conflicts(open: Incident[]): void {
    this.#conflicts = open.filter(({ conflict }) => conflict).slice(0, MOST_CONFLICTS);
    for (const event of this.#events.values()) event.incidents.clear();
    for (const incident of this.#conflicts) this.#mark(incident);
    for (const [key, event] of this.#events) {
      const strange = event.about === undefined || event.state === 'absent';
      if (strange && event.incidents.size === 0) this.#events.delete(key);
    }
    this.#drop();
    this.#tie();
  }

  /** Events of each log, the logs with the most events first. */
  regions(): { log: string; events: EventNode[] }[] {
    const regions = new Map<string, EventNode[]>();
    for (const event of this.#events.values()) {
      for (const log of event.logs) regions.set(log, [...(regions.get(log) ?? []), event]);
    }
    const all = [...regions].map(([log, events]) => ({ log, events }));
    return all.sort((a, b) => b.events.length - a.events.length || (a.log < b.log ? -1 : 1));
  }

  get events(): EventNode[] {
    return [...this.#events.values()];
  }

  get certificates(): CertificateNode[] {
    return [...this.#certificates.values()].sort((a, b) => a.height - b.height);
  }

  #hold(log: string, about: Header, height: number): void {
    const key = keyOf(about.id, about.event_hash);
    const known = this.#events.get(key);
    if (!known) {
      this.#events.set(key, made(key, { about, hash: about.event_hash, state: about.state, height, log }));
      return;
    }
    known.logs.add(log);
    if (height >= known.height || !known.about) Object.assign(known, { about, height, state: about.state });
  }

  #mark(incident: Incident): void {
    const height = Number(incident.height ?? 0);
    const { conflict } = incident;
    for (const event of conflict?.events ?? []) {
      const [id, hash] = [String(event.id), String(event.event_hash)];
      this.#one(id, hash, height, 'quarantined', String(event.log)).incidents.add(incident.id);
      if (conflict?.kind !== 'dependency-missing') continue;
      for (const dep of (event.deps as string[] | undefined) ?? []) {
        if (this.versions(dep).length > 0) continue;
        this.#one(dep, undefined, height, 'absent').incidents.add(incident.id);
      }
    }
    const accepted = conflict?.accepted;
    if (!accepted) return;
    const [id, hash] = [String(accepted.id), String(accepted.event_hash)];
    this.#one(id, hash, height, 'accepted').incidents.add(incident.id);
  }

  /** An event that a conflict names, whether its batch was read or not. */
  #one(
    id: string,
    hash: string | undefined,
    height: number,
    state: EventNode['state'],
    log?: string,
  ): EventNode {
    const key = keyOf(id, hash);
    const event = this.#events.get(key) ?? made(key, { about: undefined, hash, state, height, log });
    if (log !== undefined) event.logs.add(log);
    this.#events.set(key, event);
    return event;
  }

  versions(id: string): EventNode[] {
    return [...this.#events.values()].filter((event) => event.id === id);
  }

  /** The oldest go: certificates, and events that are in no open conflict; a certificate with its last event. */
  #drop(): void {
    const free = this.events
      .filter(({ incidents }) => incidents.size === 0)
      .sort((a, b) => a.height - b.height);
    const over = Math.max(0, this.#events.size - MOST_EVENTS);
    const heights = this.certificates.map(({ height }) => height);
    const first = Math.max(heights.at(-MOST_CERTIFICATES) ?? 0, over > 0 ? (free[over]?.height ?? 0) : 0);
    for (const height of heights) if (height < first) this.#certificates.delete(height);
    for (const [at, { key, height }] of free.entries()) {
      if (at < over || height < first) this.#events.delete(key);
    }
  }

  /** Makes nodes and links of what there is. */
  #tie(): void {
    const certificates = this.certificates;
    const links: Link[] = [];
    for (const [column, certificate] of certificates.entries()) {
      certificate.column = column;
      const before = certificates[column - 1];
      if (before) links.push({ source: before, target: certificate, tie: 'chain' });
    }
    const byId = new Map<string, EventNode[]>();
    for (const event of this.#events.values()) byId.set(event.id, [...(byId.get(event.id) ?? []), event]);
    for (const event of this.#events.values()) {
      const certificate = this.#certificates.get(event.height);
      event.column = certificate?.column ?? nearest(certificates, event.height);
      if (certificate) links.push({ source: certificate, target: event, tie: 'judged' });
      const { deps = [], prev } = event.about ?? {};
      for (const dep of deps) link(event, byId.get(dep), 'depends', links);
      if (prev) link(event, byId.get(prev), 'before', links);
    }
    for (const { id } of this.#conflicts) {
      const parts = this.events.filter(({ incidents }) => incidents.has(id));
      for (const [at, part] of parts.entries()) {
        const next = parts[at + 1];
        if (next) links.push({ source: part, target: next, tie: 'conflict' });
      }
    }
    this.nodes = [...certificates, ...this.#events.values()];
    this.links = links;
  }
}

function link(from: EventNode, to: EventNode[] | undefined, tie: Tie, links: Link[]): void {
  for (const target of to ?? []) if (target !== from) links.push({ source: from, target, tie });
}

function nearest(certificates: CertificateNode[], height: number): number {
  const behind = certificates.findIndex((certificate) => certificate.height >= height);
  return behind < 0 ? certificates.length : behind - 1;
}

function keyOf(id: string, hash: string | undefined): string {
  return `${id}:${hash ?? ''}`;
}

function made(
  key: string,
  given: Pick<EventNode, 'about' | 'hash' | 'state' | 'height'> & { log: string | undefined },
): EventNode {
  const { log, ...rest } = given;
  const [id = ''] = key.split(':');
  return {
    kind: 'event',
    key,
    id,
    logs: new Set(log === undefined ? [] : [log]),
    incidents: new Set(),
    column: 0,
    ...rest,
  };
}
