/** One incident: what happened, the events side by side, and what somebody decides about it. */
import { conflictView } from '../page/conflict.js';
import { h } from '../page/dom.js';
import { sentence } from '../page/words.js';
import type { Model } from './model.js';
import type { Action, Conflict, Incident } from './types.js';
import { button, many, moment, number, say, shortId, words } from './view.js';

/** Ids that are shown of what was set aside. */
const MOST_IDS = 12;
/** Characters of a note. */
const MOST_NOTE = '1000';

const KINDS: Record<Incident['kind'], string> = {
  conflict: 'Events conflict',
  unjudged: 'A batch could not be judged',
  'replay-mismatch': 'A past batch came out differently',
  'torn-tail': 'A crash cut a write short',
  'rolled-back': 'A new checker failed and was taken back',
};

const DECIDED: Record<Action, string> = { release: 'to be judged again', dismiss: 'left aside' };

/** What happened, in a few words. */
export function incidentTitle({ kind }: Incident): string {
  return KINDS[kind] ?? kind;
}

/** How an incident ended. */
export function ending({ resolved }: Incident): string | undefined {
  if (!resolved) return undefined;
  const note = resolved.note === '' ? '' : `: ${resolved.note}`;
  return `Resolved ${moment(resolved.at_ms)} by ${resolved.by}, ${DECIDED[resolved.action]}${note}`;
}

/** Where an incident leads to. */
export interface Leads {
  event(id: string): void;
  certificate(height: number): void;
}

/** All of an incident. */
export function incidentView(incident: Incident, model: Model, leads: Leads): HTMLElement {
  const { id, conflict, height, event_ids: ids, events, crash_folder: folder } = incident;
  const more = events - Math.min(ids.length, MOST_IDS);
  const end = ending(incident);
  return h(
    'article',
    { class: 'incident', 'aria-label': `Incident ${id}` },
    h(
      'p',
      { class: 'about' },
      h('b', {}, incidentTitle(incident)),
      ` · incident ${id} · ${moment(incident.opened_ms)}`,
      height !== null && ' · ',
      height !== null &&
        button(`height ${height}`, () => leads.certificate(Number(height)), {
          class: 'quiet',
          key: `i${id}h`,
        }),
    ),
    conflict ? h('div', { class: 'scroll' }, conflictView(conflict)) : h('p', {}, sentence(incident.message)),
    ids.length > 0 &&
      h(
        'p',
        { class: 'aside' },
        `${many(events, 'event')} set aside: `,
        ...ids
          .slice(0, MOST_IDS)
          .map((event) =>
            button(shortId(event), () => leads.event(event), { class: 'quiet', key: `i${id}e${event}` }),
          ),
        more > 0 && `and ${number(more)} more`,
      ),
    conflict !== null && versions(conflict, id, leads),
    folder !== null &&
      h('p', { class: 'small' }, 'Everything to judge it again is in ', h('code', {}, folder)),
    end === undefined ? resolveForm(incident, model) : h('p', { class: 'small' }, `${end}.`),
  );
}

/** To the events themselves: the evidence may keep less of them than the node does. */
function versions({ events }: Conflict, id: number, leads: Leads): HTMLElement {
  const ids = [...new Set(events.map((event) => String(event.id)))];
  const lead = (event: string) =>
    button(shortId(event), () => leads.event(event), { class: 'quiet', key: `i${id}v${event}` });
  return h('p', { class: 'aside' }, 'All that the node holds of it: ', ...ids.map(lead));
}

/** Deciding takes a token that may operate; it is asked for where there is none. */
function resolveForm(incident: Incident, model: Model): HTMLElement {
  const { id, events } = incident;
  const state = h('p', { class: 'small', role: 'status' });
  const note = h('input', { type: 'text', maxlength: MOST_NOTE, 'data-key': `i${id}note` });
  const decide = async (action: Action) => {
    for (const each of buttons) each.disabled = true;
    state.textContent = 'Telling the node…';
    try {
      const resolved = await model.api.operate<Incident>(`/api/incidents/${id}/resolve`, {
        action,
        note: note.value.trim(),
      });
      model.incident(resolved);
      say(`Incident ${id} is resolved.`);
    } catch (error) {
      state.textContent = words(error);
      // Somebody else may have decided meanwhile.
      await model.readIncidents().catch(() => {});
    }
    for (const each of buttons) each.disabled = false;
  };
  const buttons =
    events > 0
      ? [
          button('Judge them again', () => decide('release'), { key: `i${id}release` }),
          button('Leave them aside', () => decide('dismiss'), { key: `i${id}dismiss` }),
        ]
      : [button('Seen: close it', () => decide('dismiss'), { key: `i${id}dismiss` })];
  return h(
    'div',
    { class: 'resolve' },
    h('label', { class: 'field' }, 'Why (a note that stays with it)', note),
    h('div', { class: 'actions' }, ...buttons),
    state,
  );
}
