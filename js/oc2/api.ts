/** Asking the node. A token is asked for where one is wanted, and kept in this tab alone. */
const KEPT_AS = 'omega-token';

/** A request that was refused, in the node's words. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** Asks the person for a token; undefined where they give none. */
export type AskForToken = (why: string) => Promise<string | undefined>;

/** The node's API. Paths begin with `/`: nothing else than this origin is ever asked. */
export class Api {
  readonly #ask: AskForToken;
  #asking: Promise<boolean> | undefined;
  /** The person gave no token for reading: they are left alone until they ask for it. */
  #declined = false;

  constructor(ask: AskForToken) {
    this.#ask = ask;
  }

  async json<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await this.fetch(path, { signal: signal ?? null })).json() as Promise<T>;
  }

  async bytes(path: string, signal?: AbortSignal): Promise<Uint8Array> {
    const response = await this.fetch(path, { signal: signal ?? null });
    return new Uint8Array(await response.arrayBuffer());
  }

  /** Does something that takes a token which may operate the node; a blob is sent as it is, of its own type. */
  async operate<T>(path: string, body: unknown): Promise<T> {
    if (!token() && !(await this.#askOnce('This takes a token that may operate the node.'))) {
      throw new Refused(401, 'unauthorized', 'No token was given, so nothing was changed.');
    }
    const blob = body instanceof Blob;
    const headers = { 'content-type': blob ? body.type : 'application/json' };
    const init = { method: 'POST', headers, body: blob ? body : JSON.stringify(body) };
    const response = await this.fetch(path, init);
    return response.json() as Promise<T>;
  }

  /**
   * Asks; where the node wants a token, or another one, asks the person for it and then again.
   *
   * @throws {Refused} what the node refuses.
   */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    for (;;) {
      const sent = token();
      const headers = { ...init.headers, ...authorization(sent) };
      const response = await fetch(path, { ...init, headers }).catch((error: unknown) => {
        if (error instanceof TypeError) throw new Refused(0, 'unreachable', 'the node cannot be reached');
        throw error;
      });
      if (response.ok) return response;
      const refused = await why(response);
      // Somebody may have given another one meanwhile.
      if (response.status === 401 && token() !== sent) continue;
      const changes = init.method === 'POST';
      const lacks = response.status === 401 || (response.status === 403 && changes);
      if (!lacks || (this.#declined && !changes)) throw refused;
      if (await this.#askOnce(refused.message)) continue;
      this.#declined ||= !changes;
      throw refused;
    }
  }

  /** The person may be asked again. */
  askAgain(): void {
    this.#declined = false;
  }

  /** However many requests want a token at once, the person is asked one time. */
  #askOnce(why: string): Promise<boolean> {
    this.#asking ??= this.#ask(why)
      .then((given) => {
        if (given) sessionStorage.setItem(KEPT_AS, given);
        return given !== undefined && given !== '';
      })
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }
}

function token(): string | null {
  return sessionStorage.getItem(KEPT_AS);
}

function authorization(token: string | null): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

async function why(response: Response): Promise<Refused> {
  const said = (await response.json().catch(() => ({}))) as Partial<Record<string, string | null>>;
  const message = said.message ?? `the node answered ${response.status}`;
  return new Refused(response.status, said.code ?? 'unknown', message, said.hint ?? undefined);
}
