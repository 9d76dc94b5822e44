/** The panel at the side that evidence is shown in: one at a time, closed with Escape. */
import { h, the } from '../page/dom.js';
import { button, replace, words } from './view.js';

const dialog = () => the<HTMLDialogElement>('panel');
/** What is being fetched for the panel: another one ends it. */
let work = new AbortController();

/** Opens the panel under a title; `make` fetches and gives what it shows. */
export async function openPanel(
  title: string,
  make: (signal: AbortSignal) => Promise<Node[]>,
): Promise<void> {
  work.abort();
  work = new AbortController();
  const { signal } = work;
  const body = h('div', { class: 'panel-body' }, h('p', { class: 'small' }, 'Asking the node…'));
  const close = button('Close', () => dialog().close(), { class: 'quiet', key: 'close' });
  replace(
    dialog(),
    h('header', { class: 'head' }, h('h2', { id: 'panel-title', tabindex: '-1' }, title), close),
    body,
  );
  if (!dialog().open) dialog().showModal();
  the('panel-title').focus();
  const shown = await make(signal).catch((error: unknown) => [h('p', {}, words(error))]);
  if (!signal.aborted) body.replaceChildren(...shown);
}

/** A link that saves bytes. They are let go of with the panel. */
export function saveLink(words: string, name: string, bytes: Uint8Array<ArrayBuffer>): HTMLAnchorElement {
  const href = URL.createObjectURL(new Blob([bytes]));
  work.signal.addEventListener('abort', () => URL.revokeObjectURL(href));
  return h('a', { download: name, href }, words);
}

/** A click beside the panel closes it, as Escape does. */
export function listenToPanel(): void {
  dialog().addEventListener('close', () => work.abort());
  dialog().addEventListener('click', ({ target }) => {
    if (target === dialog()) dialog().close();
  });
}
