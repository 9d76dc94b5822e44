/**
 * What happens at the node, as it happens. Where the line breaks it is made again, from the certificate that
 * was heard last: nothing is heard twice, and what is left out is told as a gap.
 */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { type Api, Refused } from './api.js';
import type { Entry, Incident } from './types.js';

/** Milliseconds before the line is made again: after the first break, and at most. */
const FIRST_WAIT = 500;
const MOST_WAIT = 10_000;
/** Milliseconds of silence after which a line is taken for broken: the node says something each 15 seconds. */
const MOST_SILENCE = 45_000;

export type LinkState = { link: 'connecting' } | { link: 'live' } | { link: 'broken'; why: string };

/** Who listens. */
export interface Listener {
  certificate(entry: Entry): void;
  incident(incident: Incident): void;
  /** Certificates that came meanwhile and are too many to be told. */
  gap(from: string, to: string): void;
  link(state: LinkState): void;
  /** The line is there, perhaps again: what it does not repeat can be asked for now. */
  begun(): Promise<void>;
}

/** The line to the node. */
export class Stream {
  readonly #api: Api;
  readonly #listener: Listener;
  /** Height of the certificate that was heard last, as the node's event ids have it. */
  #last: string | undefined;
  #retry: (() => void) | undefined;

  constructor(api: Api, listener: Listener) {
    this.#api = api;
    this.#listener = listener;
  }

  /** Listens from now on, for as long as the page is there; `last` is a height that is known already. */
  async listen(last: string): Promise<never> {
    this.#last = last;
    for (let wait = FIRST_WAIT; ; ) {
      this.#listener.link({ link: 'connecting' });
      const begun = performance.now();
      const why = await this.#once().catch((error: unknown) => words(error));
      if (performance.now() - begun > MOST_WAIT) wait = FIRST_WAIT;
      this.#listener.link({ link: 'broken', why });
      await this.#pause(wait);
      wait = Math.min(wait * 2, MOST_WAIT);
    }
  }

  /** Does not wait any longer. */
  retry(): void {
    this.#retry?.();
  }

  /** One line, until it breaks: why it did. */
  async #once(): Promise<string> {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), MOST_SILENCE);
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' };
      if (this.#last !== undefined) headers['last-event-id'] = this.#last;
      const response = await this.#api.fetch('/api/stream', { headers, signal: silence.signal });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      if (!reader) return 'the node gave no stream';
      await this.#listener.begun();
      this.#listener.link({ link: 'live' });
      const parser = createParser({ onEvent: (event) => this.#heard(event) });
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return 'the node ended the line';
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), MOST_SILENCE);
        parser.feed(value);
      }
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  #heard({ event, data, id }: EventSourceMessage): void {
    const told = JSON.parse(data);
    if (event === 'certificate') this.#listener.certificate(told as Entry);
    if (event === 'incident') this.#listener.incident(told as Incident);
    if (event === 'gap') this.#listener.gap(told.from, told.to);
    if (id !== undefined) this.#last = id;
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#retry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function words(error: unknown): string {
  if (error instanceof Refused) return error.message;
  if (error instanceof DOMException && error.name === 'AbortError') return 'the node has gone silent';
  return 'the line broke';
}
