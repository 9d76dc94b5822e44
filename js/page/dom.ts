/** Making elements. Everything that is shown is set as text: nothing in a file can become markup. */

type Child = Node | string | undefined | false;

/** An element with attributes and children. An attribute that is `undefined` or `false` is left out. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Record<string, string | boolean | undefined> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : value);
  }
  element.append(
    ...children.filter((child): child is Node | string => child !== undefined && child !== false),
  );
  return element;
}

/** An element of the page, by its id. */
export function the<Type extends HTMLElement = HTMLElement>(id: string): Type {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as Type;
}

/** A hash, which can be selected whole and breaks anywhere. */
export function hashText(hash: string): HTMLElement {
  return h('code', { class: 'hash' }, hash);
}

/** A button that copies a text, and says so. */
export function copyButton(text: string, label: string, say: (words: string) => void): HTMLButtonElement {
  const button = h('button', { type: 'button', class: 'quiet', 'aria-label': label }, 'Copy');
  button.addEventListener('click', async () => {
    const copied = await navigator.clipboard.writeText(text).then(
      () => true,
      () => selectAndCopy(text),
    );
    button.textContent = copied ? 'Copied' : 'Select it';
    say(copied ? 'Copied.' : 'It could not be copied: select the text.');
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2000);
  });
  return button;
}

/** For pages from disk in browsers that give those no clipboard. */
function selectAndCopy(text: string): boolean {
  const field = h('textarea', { class: 'hidden', 'aria-hidden': 'true' });
  field.value = text;
  document.body.append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  return copied;
}

/** Bytes for people. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}
