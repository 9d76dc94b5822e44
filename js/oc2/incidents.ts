/** All incidents, the newest first. */
import { h, the } from '../page/dom.js';
import { sentence } from '../page/words.js';
import { ending, incidentTitle, incidentView, type Leads } from './incident.js';
import type { Model } from './model.js';
import type { Incident } from './types.js';
import { moment, number, replace } from './view.js';

/** Incidents that are listed. */
const MOST_LISTED = 100;

/** The list of incidents. */
export class Incidents {
  readonly #model: Model;
  readonly #leads: Leads;
  readonly #all = the<HTMLInputElement>('incidents-all');
  /** Those that are unfolded. */
  readonly #unfolded = new Set<number>();
  #shown = '';

  constructor(model: Model, leads: Leads) {
    this.#model = model;
    this.#leads = leads;
    model.on(['incidents', 'chain'], () => this.#draw());
    this.#all.addEventListener('change', () => this.#draw());
  }

  #draw(): void {
    const all = [...this.#model.incidents.values()].sort((a, b) => b.id - a.id);
    const wanted = all.filter(({ resolved }) => this.#all.checked || !resolved);
    // It is made again only where it changes, so that nobody's note is lost.
    const now = wanted.map(({ id, resolved }) => `${id}${resolved?.action ?? ''}`).join();
    if (now === this.#shown && now !== '') return;
    this.#shown = now;
    if (wanted.length === 0) {
      const other = all.length > 0 ? ' Those that are resolved can be shown, too.' : '';
      return replace(the('incident-list'), h('p', { class: 'nothing' }, `No open incident.${other}`));
    }
    const more = wanted.length - MOST_LISTED;
    replace(
      the('incident-list'),
      ...wanted.slice(0, MOST_LISTED).map((incident) => this.#row(incident)),
      more > 0 && h('p', { class: 'small' }, `And ${number(more)} older ones.`),
    );
  }

  #row(incident: Incident): HTMLElement {
    const { id, height } = incident;
    const summary = h(
      'summary',
      { 'data-key': `s${id}` },
      h('span', { class: 'number' }, `${id}`),
      h('b', {}, incidentTitle(incident)),
      h('span', { class: 'small' }, height === null ? '' : `height ${height}`),
      h('span', { class: 'small time' }, moment(incident.opened_ms)),
      h(
        'span',
        { class: incident.resolved ? 'badge passed' : 'badge failed' },
        incident.resolved ? 'Resolved' : 'Open',
      ),
      h('span', { class: 'message' }, sentence(ending(incident) ?? incident.message)),
    );
    const details = h('details', { class: 'row', open: this.#unfolded.has(id) }, summary);
    const fill = () => {
      if (details.open && details.children.length === 1)
        details.append(incidentView(incident, this.#model, this.#leads));
    };
    fill();
    details.addEventListener('toggle', () => {
      if (details.open) this.#unfolded.add(id);
      else this.#unfolded.delete(id);
      fill();
    });
    return details;
  }
}
