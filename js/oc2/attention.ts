/** What needs somebody: open incidents, conflicts first, side by side; beside them what happened of late. */
import { says } from '../page/chain.js';
import { h, the } from '../page/dom.js';
import { incidentTitle, incidentView, type Leads } from './incident.js';
import type { Heard, Model } from './model.js';
import type { Incident } from './types.js';
import { button, moment, number, replace, say } from './view.js';

/** Open incidents that can be chosen from here; all of them are in their own panel. */
const MOST_CHOICES = 20;
/** Rows of the timeline. */
const MOST_ROWS = 40;

/** Open incidents and the timeline. */
export class Attention {
  readonly #model: Model;
  readonly #leads: Leads;
  #chosen: number | undefined;
  /** What is shown: it is made again only where that changes, so that nobody's note is lost. */
  #shown = '';
  #said = 0;

  constructor(model: Model, leads: Leads) {
    this.#model = model;
    this.#leads = leads;
    model.on(['incidents', 'chain'], () => this.#incidents());
    model.on(['incidents', 'certificates', 'chain'], () => this.#lately());
  }

  #incidents(): void {
    const open = this.#model.open;
    // A conflict comes before all else.
    const order = [...open.filter(({ conflict }) => conflict), ...open.filter(({ conflict }) => !conflict)];
    const chosen = order.find(({ id }) => id === this.#chosen) ?? order[0];
    const newest = Math.max(0, ...open.map(({ id }) => id));
    if (this.#said > 0 && newest > this.#said)
      say(`Incident ${newest}: ${this.#model.incidents.get(newest)?.message}`);
    this.#said = Math.max(this.#said, newest, 1);
    const now = `${chosen?.id} of ${order.map(({ id }) => id).join()}`;
    if (now === this.#shown) return;
    this.#shown = now;
    document.title = `${open.length > 0 ? `(${open.length}) ` : ''}Command centre · OMEGA`;
    if (!chosen) {
      return replace(
        the('conflicts'),
        h('p', { class: 'nothing' }, 'Nothing. All that was judged agrees, or somebody has dealt with it.'),
      );
    }
    replace(
      the('conflicts'),
      order.length > 1 && this.#choices(order, chosen),
      incidentView(chosen, this.#model, this.#leads),
    );
  }

  #choices(order: Incident[], chosen: Incident): HTMLElement {
    const choice = (incident: Incident) => {
      const { id, height, conflict } = incident;
      const choose = () => {
        this.#chosen = id;
        this.#incidents();
      };
      const at = height === null ? '' : ` at ${height}`;
      const made = button(`${conflict ? '✕ ' : ''}${id}${at}`, choose, {
        class: 'quiet',
        key: `choice${id}`,
      });
      made.title = incidentTitle(incident);
      made.setAttribute('aria-pressed', String(incident === chosen));
      return made;
    };
    const more = order.length - MOST_CHOICES;
    return h(
      'div',
      { class: 'choices', role: 'group', 'aria-label': 'Open incidents' },
      h('span', { class: 'small' }, `${number(order.length)} open:`),
      ...order.slice(0, MOST_CHOICES).map(choice),
      more > 0 && h('span', { class: 'small' }, `and ${number(more)} more below`),
    );
  }

  #lately(): void {
    const rows = [...certificateRows(this.#model.recent, this.#leads), ...this.#incidentRows()];
    rows.sort((a, b) => b.at - a.at || b.height - a.height);
    replace(the('lately'), ...rows.slice(0, MOST_ROWS).map(({ row }) => row));
  }

  #incidentRows(): Row[] {
    return [...this.#model.incidents.values()].flatMap((incident) => {
      const { id, opened_ms: opened, resolved } = incident;
      const height = Number(incident.height ?? 0);
      const lead = () => (height > 0 ? this.#leads.certificate(height) : undefined);
      const rows = [
        row(
          'wrong',
          `t${id}`,
          opened,
          height,
          `Incident ${id}: ${incidentTitle(incident).toLowerCase()}`,
          lead,
        ),
      ];
      if (resolved)
        rows.push(
          row('right', `r${id}`, resolved.at_ms, height, `Incident ${id} resolved by ${resolved.by}`, lead),
        );
      return rows;
    });
  }
}

/** A row of the timeline. */
interface Row {
  at: number;
  height: number;
  row: HTMLElement;
}

/** Certificates; those that agree one after the other share a row. */
function certificateRows(recent: Heard[], leads: Leads): Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < recent.length; ) {
    const { entry, at: heard } = recent[at] as Heard;
    let end = at + 1;
    if (entry.verdict === 'merge') {
      while (recent[end]?.entry.verdict === 'merge' && near(recent[end]?.at, heard)) end += 1;
    }
    const last = recent[end - 1] as Heard;
    const [from, to] = [entry.height, last.entry.height];
    const heights = from === to ? `Height ${from}` : `Heights ${from} to ${to}`;
    const tone = entry.verdict === 'obstruction' ? 'wrong' : 'plain';
    const open = () => leads.certificate(Number(to));
    rows.push(row(tone, `c${from}`, last.at ?? 0, Number(to), `${heights}: ${says(entry)}`, open));
    at = end;
  }
  return rows;
}

/** Within a minute of one another, or both from before this page was open. */
function near(one: number | undefined, other: number | undefined): boolean {
  return one === undefined || other === undefined ? one === other : Math.abs(one - other) < 60_000;
}

function row(tone: string, key: string, at: number, height: number, words: string, open: () => void): Row {
  const time = at > 0 ? moment(at) : 'before';
  const made = h(
    'li',
    { class: tone },
    h('span', { class: 'time', title: at > 0 ? undefined : 'Before this page was open' }, time),
    button(words, open, { class: 'quiet', key }),
  );
  return { at, height, row: made };
}
