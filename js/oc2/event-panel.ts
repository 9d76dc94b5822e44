/** One event: every version that the node holds, what became of each, and the proof that says so. */
import { sideBySide } from '../page/conflict.js';
import { h } from '../page/dom.js';
import { sentence } from '../page/words.js';
import type { Auditor } from './auditor.js';
import { fromBase64 } from './auditor.js';
import type { Model } from './model.js';
import { openPanel, saveLink } from './panel.js';
import type { Fate, KnownEvent } from './types.js';
import { button, words } from './view.js';

/** Characters of a payload that are shown. */
const MOST_PAYLOAD = 400;

const BECAME: Record<Fate, string> = {
  waiting: 'waits to be judged',
  accepted: 'accepted',
  quarantined: 'set aside: it conflicts',
  unjudged: 'set aside: it could not be judged',
};

/** Opens the panel about an event; `certificate` opens the one about a certificate. */
export function openEvent(
  id: string,
  { api }: Model,
  auditor: Auditor,
  certificate: (height: number) => void,
): Promise<void> {
  return openPanel('Event', async (signal) => {
    const known = await api.json<KnownEvent>(`/api/events/${id}`, signal);
    const columns = known.held.map(({ log, event }) => ({ title: log, event: shortened(event) }));
    return [
      h('p', {}, h('code', { class: 'hash' }, id)),
      h('h3', {}, known.held.length === 1 ? 'Held by one log' : `Held ${known.held.length} times`),
      h(
        'ul',
        { class: 'held' },
        ...known.held.map(({ log, state, height }) =>
          h(
            'li',
            { class: state },
            h('b', {}, log),
            ` ${BECAME[state]}`,
            height !== null && ' · ',
            height !== null &&
              button(`height ${height}`, () => certificate(Number(height)), { class: 'quiet' }),
          ),
        ),
      ),
      h('h3', {}, 'Fields'),
      h(
        'div',
        { class: 'conflict scroll', tabindex: '0', role: 'region', 'aria-label': 'Fields' },
        sideBySide(columns),
      ),
      h('h3', {}, 'Proof'),
      proofView(known, auditor),
    ];
  });
}

function proofView({ id, proof, proof_height: height }: KnownEvent, auditor: Auditor): HTMLElement {
  const bytes = fromBase64(proof);
  const state = h('p', { class: 'small', role: 'status' });
  const save = saveLink('Save the proof', `${id}.proof`, bytes);
  const check = button('Check the proof here', async () => {
    check.disabled = true;
    state.textContent = 'Checking…';
    try {
      const { report, exit } = await auditor.proof(bytes, height, new AbortController().signal);
      const shows = report.proof
        ? `${report.proof.shows.replace(/\.$/, '')}. It does not show ${report.proof.does_not_show}.`
        : '';
      state.textContent = exit === 0 ? `Right: ${shows}` : sentence(report.message ?? 'it is not right');
      state.className = exit === 0 ? 'small said right' : 'small said wrong';
    } catch (error) {
      state.textContent = words(error);
    }
    check.disabled = false;
  });
  return h(
    'div',
    {},
    h('p', { class: 'small' }, `${bytes.length} bytes, against the certificate at height ${height}.`),
    h('div', { class: 'actions' }, check, save),
    state,
  );
}

function shortened(event: Record<string, unknown>): Record<string, unknown> {
  const cut = (value: unknown) =>
    typeof value === 'string' && value.length > MOST_PAYLOAD ? `${value.slice(0, MOST_PAYLOAD)}…` : value;
  return Object.fromEntries(Object.entries(event).map(([name, value]) => [name, cut(value)]));
}
