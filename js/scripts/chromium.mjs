/** Debian's Chromium, driven by playwright-core, and a server on 127.0.0.1 for what it opens. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { chromium } from 'playwright-core';

const PROGRAM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** Where the browser is. */
export function browserProgram() {
  if (!existsSync(PROGRAM)) {
    throw new Error(`there is no browser at ${PROGRAM}: apt-get install chromium, or set CHROMIUM`);
  }
  return PROGRAM;
}

/** Milliseconds that are waited for anything in a page: a machine that does much else at once is slow. */
const PATIENCE = 120_000;

/** A context of its own, which waits long before it gives up. */
export async function newContext(browser, options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE);
  return context;
}

/** Starts the browser, or a program that starts it; `more` are further flags. */
export async function startBrowser(executablePath = browserProgram(), more = []) {
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    ...more,
  ];
  return chromium.launch({ executablePath, args });
}

/**
 * Serves folders, the first one that has the file; `extra` are pages by their path.
 *
 * @returns its address, and how to end it.
 */
export async function serve(folders, extra = {}) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://127.0.0.1').pathname);
    const name = normalize(path).replace(/^[/\\]+/, '');
    const found = path in extra ? extra[path] : await first(folders.map((folder) => join(folder, name)));
    response.writeHead(found === undefined ? 404 : 200, {
      'content-type': TYPES[extname(name)] ?? (path in extra ? 'text/html' : 'application/octet-stream'),
    });
    response.end(found);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url, close };
}

async function first(paths) {
  for (const path of paths) {
    const content = await readFile(path).catch(() => undefined);
    if (content !== undefined) return content;
  }
  return undefined;
}
