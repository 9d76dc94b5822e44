/** The map as a list: the same nodes, for whoever reads rather than looks. */
import { says } from '../page/chain.js';
import { h, the } from '../page/dom.js';
import type { EventNode, Graph, Node } from './graph.js';
import { button, many, replace, shortId } from './view.js';

const STATES: Record<EventNode['state'], string> = {
  waiting: 'waiting',
  accepted: 'accepted',
  quarantined: 'set aside',
  unjudged: 'not judged',
  absent: 'nowhere',
};

/** The list beside the map. It is made while it is shown. */
export class MapList {
  readonly #graph: Graph;
  readonly #open: (node: Node) => void;
  readonly #toggle = the<HTMLButtonElement>('map-list-toggle');
  readonly #list = the('map-list');

  constructor(graph: Graph, open: (node: Node) => void) {
    this.#graph = graph;
    this.#open = open;
    this.#toggle.addEventListener('click', () => {
      this.#list.hidden = !this.#list.hidden;
      this.#toggle.setAttribute('aria-expanded', String(!this.#list.hidden));
      this.changed();
    });
  }

  /** The graph has changed. */
  changed(): void {
    if (this.#list.hidden) return;
    const { events, certificates } = this.#graph;
    const conflicts = events.filter(({ incidents }) => incidents.size > 0);
    replace(
      this.#list,
      conflicts.length > 0 && h('h3', {}, 'In open conflicts'),
      conflicts.length > 0 && this.#events(conflicts, 'x'),
      ...certificates.reverse().flatMap((certificate) => {
        const { height, entry, more } = certificate;
        const own = events.filter((event) => event.height === height);
        return [
          h(
            'h3',
            {},
            button(`Height ${height}: ${says(entry)}`, () => this.#open(certificate), {
              class: 'quiet',
              key: `m${height}`,
            }),
          ),
          own.length > 0 && this.#events(own, `m${height}`),
          more > 0 &&
            h('p', { class: 'small' }, `And ${many(more, 'event')} more, which the map leaves out.`),
        ];
      }),
    );
  }

  #events(events: EventNode[], key: string): HTMLElement {
    return h(
      'ul',
      {},
      ...events.map((event) => {
        const { id, logs, state, about, incidents } = event;
        const deps = (about?.deps ?? []).map(shortId).join(', ');
        return h(
          'li',
          { class: incidents.size > 0 ? 'wrong' : undefined },
          button(`${incidents.size > 0 ? '✕ ' : ''}${shortId(id)}`, () => this.#open(event), {
            class: 'quiet',
            key: `${key}${event.key}`,
          }),
          ` in ${[...logs].join(' and ') || 'no log'}, ${STATES[state]}`,
          deps !== '' && `, depends on ${deps}`,
        );
      }),
    );
  }
}
