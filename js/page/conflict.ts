/** A conflict: the rule that is broken, and the events that cannot stand together, side by side. */
import { h } from './dom.js';
import type { Conflict, Entry } from './protocol.js';
import { FIELDS, LEAVES_OPEN, rule, sentence } from './words.js';

/** An event, or what the state keeps of one that was accepted before: that is less. */
export interface Column {
  title: string;
  event: Record<string, unknown>;
  kept?: boolean;
}

/** The conflict of a certificate. */
export function conflictView(
  conflict: Conflict,
  entry: Pick<Entry, 'conflicting_writers'> = {},
): HTMLElement {
  const one = conflict.events.length === 1;
  const columns: Column[] = conflict.events.map((event, at) => ({
    title: one ? 'The event' : `Event ${at + 1}`,
    event,
  }));
  const { accepted } = conflict;
  if (accepted) columns.push({ title: 'Accepted before', event: accepted, kept: true });
  const writers = (entry.conflicting_writers ?? []).filter(({ key }) => key !== null);
  const open = LEAVES_OPEN[conflict.kind];
  return h(
    'div',
    { class: 'conflict' },
    h('p', { class: 'rule' }, h('b', {}, `Rule ${conflict.predicate}`), ` ${rule(conflict.predicate)}`),
    h('p', {}, sentence(conflict.sentence)),
    open !== undefined && h('p', {}, open),
    sideBySide(columns),
    columns.length > 1 && h('p', { class: 'small' }, '≠ marks what differs.'),
    accepted !== null &&
      h('p', { class: 'small' }, 'Of what was accepted before, only its time and its hash are kept.'),
    ...writers.map(({ log, key }) =>
      h('p', { class: 'small' }, `In ${log}, signed by the writer’s key ${key}.`),
    ),
  );
}

/** Events side by side, field by field; what differs is marked. */
export function sideBySide(columns: Column[]): HTMLElement {
  const names = [...new Set(columns.flatMap(({ event }) => Object.keys(event)))];
  const rows = names
    .map((name) => ({
      name,
      values: columns.map(({ event }) => text(event[name])),
      // What is not kept is no difference.
      compared: columns.filter(({ event, kept }) => !kept || text(event[name]) !== ''),
    }))
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
      ...rows.map(({ name, values, compared }) => {
        const differ = new Set(compared.map(({ event }) => text(event[name]))).size > 1;
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
