/** Colours of the canvas: those of the style sheet, read again when dark becomes light. */

/** What an obstruction flashes in, in either theme. */
export const OBSTRUCTION = '#ff003c';

/** Hues of logs, which tell them apart for most eyes; the name stands beside each. */
const HUES = [212, 152, 38, 282, 188, 330, 96, 258, 20, 170];

/** What is drawn with. */
export interface Colours {
  paper: string;
  card: string;
  ink: string;
  soft: string;
  line: string;
  edge: string;
  accent: string;
  right: string;
  wrong: string;
  open: string;
  /** Of text about an obstruction. */
  obstruction: string;
  /** A log's colour, by its number; `strength` from 0 to 1. */
  log(number: number, strength: number): string;
}

const NAMES = ['paper', 'card', 'ink', 'soft', 'line', 'edge', 'accent', 'right', 'wrong', 'open'] as const;

/** The colours as they are now. */
export function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const read = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  const lightness = dark() ? '68%' : '42%';
  return {
    ...(read as Record<(typeof NAMES)[number], string>),
    obstruction: style.getPropertyValue('--obstruction-text').trim(),
    log: (number, strength) => `hsl(${HUES[number % HUES.length]} 62% ${lightness} / ${strength})`,
  };
}

/** Calls a function when the theme changes. */
export function onTheme(changed: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
}

/** Whether the person wants nothing to move. */
export function calm(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

function dark(): boolean {
  return matchMedia('(prefers-color-scheme: dark)').matches;
}
