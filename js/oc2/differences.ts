/** What another kernel would have said: past verdicts that would be others, each to be accepted by itself. */
import { says } from '../page/chain.js';
import { h } from '../page/dom.js';
import { sentence } from '../page/words.js';
import type { Diff, Difference } from './types.js';
import { button, many, number } from './view.js';

/** Where it leads to. */
export interface DifferenceLeads {
  certificate(height: number): void;
  /** Put it in place although these heights would be others. */
  accept(heights: string[]): void;
}

/** Nothing would be another. */
export function sameView({ replayed }: Diff): HTMLElement {
  return h(
    'p',
    { class: 'said right' },
    h('b', {}, 'No difference. '),
    `${many(Number(replayed), 'past verdict')} judged again: none would be another.`,
  );
}

/** Differences, with a box for each; `accepted` keeps what is ticked. `blocked`: they kept it from being put in place. */
export function differencesView(
  { replayed, differences, difference_count: count }: Diff,
  accepted: Set<string>,
  blocked: boolean,
  leads: DifferenceLeads,
): HTMLElement {
  const heights = differences.map(({ height }) => height);
  const missing = count - differences.length;
  for (const height of accepted) if (!heights.includes(height)) accepted.delete(height);
  const counted = h('p', { class: 'small', role: 'status' });
  const go = button('Put in place all the same', () => leads.accept(heights), { class: 'does' });
  const ticked = () => {
    const every = accepted.size === heights.length;
    const rest = every ? '' : ' It can be put in place once each is accepted.';
    counted.textContent = `${number(accepted.size)} of ${number(heights.length)} accepted.${rest}`;
    go.hidden = !every;
    all.hidden = every;
  };
  const rows = differences.map((difference) => row(difference, accepted, ticked, leads));
  const all = button(`Tick all ${number(heights.length)}`, () => {
    for (const box of list.querySelectorAll<HTMLInputElement>('input:not(:checked)')) box.click();
    // The button that was pressed is gone.
    go.focus();
  });
  const label = 'Past verdicts that would be others';
  const list = h('ul', { class: 'differences', tabindex: '0', 'aria-label': label }, ...rows);
  ticked();
  const more = `And ${number(missing)} more, which the node does not list: too many to be accepted here.`;
  return h(
    'div',
    { class: 'said wrong' },
    h(
      'p',
      {},
      h('b', {}, blocked ? 'Nothing was changed. ' : 'Differences. '),
      `${number(count)} of ${many(Number(replayed), 'past verdict')} would be ${count === 1 ? 'another' : 'others'}. They stand all the same.`,
    ),
    list,
    ...(missing > 0
      ? [h('p', { class: 'small' }, more)]
      : [counted, h('div', { class: 'actions' }, all, go)]),
  );
}

/** One past verdict: the box that accepts it, and what would be otherwise. */
function row(
  { height, old_verdict: old, new_verdict: other, what }: Difference,
  accepted: Set<string>,
  changed: () => void,
  { certificate }: DifferenceLeads,
): HTMLElement {
  const box = h('input', { type: 'checkbox' });
  box.checked = accepted.has(height);
  box.addEventListener('change', () => {
    if (box.checked) accepted.add(height);
    else accepted.delete(height);
    changed();
  });
  const see = button('See it', () => certificate(Number(height)), { class: 'quiet' });
  see.setAttribute('aria-label', `See it: height ${height}`);
  const verdict = (verdict: string) => says({ verdict, cert_type: 'verdict' });
  const changes = old === other ? `${verdict(old)}, as before` : `${verdict(old)}; by it ${verdict(other)}`;
  return h(
    'li',
    {},
    h('label', { class: 'check' }, box, ` Accept height ${height}`),
    see,
    h('p', { class: 'small' }, sentence(changes), ' ', sentence(what)),
  );
}
