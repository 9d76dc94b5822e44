/** Asking the person for a token. */
import { the } from '../page/dom.js';
import { sentence } from '../page/words.js';

/** Shows why one is wanted; what was given, or undefined. */
export function askForToken(why: string): Promise<string | undefined> {
  const dialog = the<HTMLDialogElement>('ask');
  const field = the<HTMLInputElement>('ask-token');
  the('ask-why').textContent = sentence(why);
  field.value = '';
  dialog.returnValue = '';
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    dialog.addEventListener(
      'close',
      () => {
        const given = field.value.trim();
        field.value = '';
        resolve(dialog.returnValue === 'give' && given !== '' ? given : undefined);
      },
      { once: true },
    );
  });
}
