/** The command that repeats a verification. */
import type { Asked, Given } from './protocol.js';

/** `omega verify …`, to be run in the folder of the files. */
export function command(asked: Asked): string {
  const words = ['omega verify'];
  const add = (option: string, given: Given | string | undefined) => {
    if (given !== undefined)
      words.push(`${option} ${quoted(typeof given === 'string' ? given : path(given.name))}`);
  };
  add('--cert', asked.certificate);
  add('--cert-log', asked.certificateLog);
  for (const log of asked.logs) add('--input', log);
  add('--snapshot', asked.snapshot);
  add('--policy', asked.policy);
  for (const key of asked.keys) add('--trust', key);
  if (asked.anySigner) words.push('--any-signer');
  add('--head', asked.head);
  for (const kernel of asked.kernels) add('--kernel', kernel);
  add('--proof', asked.proofs[0]);
  return words.join(' \\\n  ');
}

/** A name that begins like an option is a path. */
function path(name: string): string {
  return name.startsWith('-') ? `./${name}` : name;
}

/** A word as a POSIX shell reads it back. */
function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
