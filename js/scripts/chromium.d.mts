import type { Browser } from 'playwright-core';

export function browserProgram(): string;
export function startBrowser(executablePath?: string): Promise<Browser>;
export function serve(
  folders: string[],
  extra?: Record<string, string | Uint8Array>,
): Promise<{ url: string; close(): Promise<void> }>;
