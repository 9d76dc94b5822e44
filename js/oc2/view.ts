/** Small things that several panels show. */
import { h } from '../page/dom.js';
import { sentence } from '../page/words.js';
import { Refused } from './api.js';

/** Replaces what an element holds; whoever stood on something with a `data-key` stands there again. */
export function replace(container: HTMLElement, ...children: (Node | string | undefined | false)[]): void {
  const active = document.activeElement;
  const key = container.contains(active) ? (active as HTMLElement).dataset.key : undefined;
  container.replaceChildren(
    ...children.filter((child): child is Node | string => child !== undefined && child !== false),
  );
  if (key)
    container.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** A button; `key` tells it from others when it is made again. */
export function button(
  words: string,
  does: () => void,
  options: { key?: string; class?: string } = {},
): HTMLButtonElement {
  const made = h('button', { type: 'button', class: options.class, 'data-key': options.key }, words);
  made.addEventListener('click', does);
  return made;
}

/** Says something to whoever hears the page. */
export function say(words: string): void {
  const live = document.getElementById('live');
  if (live) live.textContent = words;
}

/** A whole number with thin spaces between thousands. */
export function number(value: number | string): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
}

/** A rate, with a digit behind the point where it is small. */
export function rate(value: number): string {
  return value < 10 ? value.toFixed(1) : number(Math.round(value));
}

/** The first digits of a hash or a key. */
export function short(hash: string): string {
  return `${hash.slice(0, 8)}…`;
}

/** The ends of an event's id: counted ones begin alike. */
export function shortId(id: string): string {
  return `${id.slice(0, 4)}…${id.slice(-6)}`;
}

/** So many of something. */
export function many(count: number, one: string): string {
  return `${number(count)} ${one}${count === 1 ? '' : 's'}`;
}

/** A moment by this machine's clock: the time, and the day where it is another one. */
export function moment(milliseconds: number): string {
  const at = new Date(milliseconds);
  const time = at.toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  });
  if (at.toDateString() === new Date().toDateString()) return time;
  return `${at.toLocaleDateString([], { day: 'numeric', month: 'short' })} ${time}`;
}

/** How long something has run. */
export function duration(seconds: number): string {
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
  ];
  for (const [length, unit] of units) if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  return `${seconds} s`;
}

/** Names and values, as the children of a `dl`. */
export function facts(...rows: [string, string | Node][]): HTMLElement[] {
  return rows.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]);
}

/** Why something was not done: what was found, what to do about it, and the code. */
export function refusal(error: unknown): HTMLElement {
  const { status, code, hint: all } = error instanceof Refused ? error : {};
  // A page needs no advice on headers: it asks for a token.
  const hint = status === 401 || status === 403 ? undefined : all;
  return h(
    'p',
    { class: 'said open', role: 'alert' },
    words(error),
    hint !== undefined && ` ${sentence(hint)}`,
    code !== undefined && h('code', { class: 'code' }, code),
  );
}

/** The words of whatever was thrown. */
export function words(error: unknown): string {
  return sentence(error instanceof Error ? error.message : String(error));
}
