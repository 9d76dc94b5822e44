import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core';

export function browserProgram(): string;
export function newContext(browser: Browser, options?: BrowserContextOptions): Promise<BrowserContext>;
export function startBrowser(executablePath?: string, more?: string[]): Promise<Browser>;
export function serve(
  folders: string[],
  extra?: Record<string, string | Uint8Array>,
): Promise<{ url: string; close(): Promise<void> }>;
