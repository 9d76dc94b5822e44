/** Asking the person whether something is to be done. */
import { the } from '../page/dom.js';

/** Says what would be done; true where it is to be. */
export function sure(title: string, what: string, does: string): Promise<boolean> {
  const dialog = the<HTMLDialogElement>('sure');
  the('sure-title').textContent = title;
  the('sure-what').textContent = what;
  const go = the<HTMLButtonElement>('sure-go');
  go.textContent = does;
  dialog.returnValue = '';
  dialog.showModal();
  // Nothing is done by a key that was pressed once too often.
  the('sure-not').focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'go'), { once: true });
  });
}
