/** A conflict: the rule that is broken, and the events that cannot stand together, side by side. */
import { h } from './dom.js';
import type { Conflict, Entry } from './protocol.js';
import { FIELDS, rule } from './words.js';

/** The conflict of a certificate. */
export function conflictView(conflict: Conflict, entry: Entry): HTMLElement {
  const columns = conflict.events.map((event, at) => ({ title: `Event ${at + 1}`, event }));
  if (conflict.accepted) columns.push({ title: 'Accepted before', event: conflict.accepted });
  const writers = (entry.conflicting_writers ?? []).filter(({ key }) => key !== null);
  return h(
    'div',
    { class: 'conflict' },
    h('p', { class: 'rule' }, h('b', {}, `Rule ${conflict.predicate}`), ` ${rule(conflict.predicate)}`),
    h('p', {}, `${sentence(conflict.sentence)}`),
    table(columns),
    columns.length > 1 && h('p', { class: 'small' }, '≠ marks what differs.'),
    ...writers.map(({ log, key }) =>
      h('p', { class: 'small' }, `In ${log}, signed by the writer’s key ${key}.`),
    ),
  );
}

function table(columns: { title: string; event: Record<string, unknown> }[]): HTMLElement {
  const names = [...new Set(columns.flatMap(({ event }) => Object.keys(event)))];
  const rows = names
    .map((name) => ({ name, values: columns.map(({ event }) => text(event[name])) }))
    .filter(({ values }) => values.some((value) => value !== ''));
  // The roles are said again, for on narrow screens the rows are no table rows to CSS.
  return h(
    'table',
    { class: 'events', role: 'table' },
    h('caption', { class: 'hidden' }, 'The events side by side'),
    h(
      'thead',
      { role: 'rowgroup' },
      h(
        'tr',
        { role: 'row' },
        h('td', { role: 'cell' }),
        ...columns.map(({ title }) => h('th', { scope: 'col', role: 'columnheader' }, title)),
      ),
    ),
    h(
      'tbody',
      { role: 'rowgroup' },
      ...rows.map(({ name, values }) => {
        const differ = new Set(values).size > 1;
        return h(
          'tr',
          { role: 'row', class: differ ? 'differs' : undefined },
          h(
            'th',
            { scope: 'row', role: 'rowheader' },
            FIELDS[name] ?? name.replaceAll('_', ' '),
            differ && h('span', { class: 'mark', title: 'differs' }, ' ≠'),
          ),
          ...values.map((value) => h('td', { role: 'cell' }, value === '' ? '–' : value)),
        );
      }),
    ),
  );
}

function text(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(text).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? '' : '.');
}
