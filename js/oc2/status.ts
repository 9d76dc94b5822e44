/** How the node is: the line to it, whether it is ready, its figures and rates. */
import { h, hashText, the } from '../page/dom.js';
import type { Model } from './model.js';
import { duration, facts, number, rate, replace } from './view.js';

const SVG = 'http://www.w3.org/2000/svg';
/** Milliseconds between two looks at the status. */
const LOOK_MILLISECONDS = 2000;

/** The bar on top and the node's own panel. */
export class StatusPanel {
  readonly #model: Model;

  constructor(model: Model, retry: () => void) {
    this.#model = model;
    the('retry').addEventListener('click', retry);
    model.on(['link'], () => this.#link());
    model.on(['status', 'certificates', 'incidents'], () => this.#draw());
    setInterval(() => {
      if (document.visibilityState !== 'visible') return;
      this.#link();
      // Where it cannot be reached, the line says so.
      if (model.linkState.link === 'live') model.readStatus().catch(() => {});
    }, LOOK_MILLISECONDS);
  }

  #link(): void {
    const state = this.#model.linkState;
    const chip = the('link');
    const says = {
      connecting: () => ['open', 'Connecting…'],
      live: () => ['right', 'Live'],
      broken: () => ['wrong', `Cut off: ${state.link === 'broken' ? state.why : ''}. Trying again…`],
    }[state.link]();
    chip.className = `chip ${says[0]}`;
    if (chip.textContent !== says[1]) chip.textContent = says[1] ?? '';
    the('retry').hidden = state.link !== 'broken';
    document.body.classList.toggle('stale', state.link !== 'live');
  }

  #draw(): void {
    const { status, rates, newest } = this.#model;
    if (!status) return;
    const { ready, reasons } = status.readiness;
    const chip = the('ready');
    chip.className = `chip ${ready ? 'right' : 'wrong'}`;
    const says = ready ? 'Ready' : `Not ready: ${reasons.join('; ')}`;
    if (chip.textContent !== says) chip.textContent = says;
    const now = rates.now;
    const open = this.#model.open.length;
    const figures: [string, string, (string | undefined)?][] = [
      ['Height', number(newest)],
      ['Events', number(status.events)],
      ['Waiting', number(status.waiting_events)],
      ['Events/s', rate(rates.events.mean(now))],
      ['Certificates/s', rate(rates.certificates.mean(now))],
      ['Open incidents', number(open), open > 0 ? 'wrong' : undefined],
    ];
    the('figures').replaceChildren(
      ...figures.map(([name, value, tone]) =>
        h('div', { class: tone }, h('dt', {}, name), h('dd', {}, value)),
      ),
    );
    replace(
      the('rates'),
      spark('Events a second, last minute', rates.events.last(now)),
      spark('Certificates a second, last minute', rates.certificates.last(now)),
    );
    replace(
      the('facts'),
      ...facts(
        ['Runs since', duration(status.uptime_seconds)],
        ['Version', status.version],
        ['Ids accepted', number(status.accepted_ids)],
        ['Logs', number(status.logs)],
        ['Batches audited', number(status.audited_batches)],
        ['Chain', hashText(status.chain_id)],
        ['State root', hashText(status.state_root)],
      ),
    );
  }
}

/** A small curve. */
function spark(label: string, values: number[]): HTMLElement {
  const most = Math.max(1, ...values);
  const [width, height] = [240, 36];
  const step = width / (values.length - 1);
  const points = values.map(
    (value, at) => `${(at * step).toFixed(1)},${(height - 1 - (value / most) * (height - 4)).toFixed(1)}`,
  );
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const area = document.createElementNS(SVG, 'polygon');
  area.setAttribute('points', `0,${height} ${points.join(' ')} ${width},${height}`);
  const line = document.createElementNS(SVG, 'polyline');
  line.setAttribute('points', points.join(' '));
  svg.append(area, line);
  return h(
    'figure',
    { class: 'spark' },
    svg,
    h('figcaption', {}, label, h('b', {}, ` most ${rate(Math.max(...values))}`)),
  );
}
