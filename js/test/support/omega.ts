/** The command that this package answers like. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const OMEGA = join(resolve('..', process.env.CARGO_TARGET_DIR ?? 'target'), 'release/omega');
if (!existsSync(OMEGA)) throw new Error(`there is no command at ${OMEGA}: make build builds it`);
