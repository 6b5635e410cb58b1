/**
 * A login at the API, for as long as this page is open.
 *
 * The tokens live in this object and nowhere else. sessionStorage would survive a reload, but every page of this
 * origin could read it and browsers write it to disk: a refresh token is good for a month. So a reload asks for the
 * password again (a password manager makes that one key), and leaving the page ends the session at the server,
 * because it cannot be used any more.
 */

export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  /** The name of a problem type (`problem-types.ts`); null for an answer that is not the API's. */
  readonly type: string | null;
  constructor(status: number, detail: string, type: string | null = null) {
    super(detail);
    this.status = status;
    this.type = type;
  }
}

/** The session is over, and a password is needed. */
export class SignedOut extends Error {
  override readonly name = "SignedOut";
}

interface Tokens {
  readonly access: string;
  readonly refresh: string;
  /** When the access token should be replaced, `performance.now()`. */
  readonly staleAt: number;
}

/** A token is replaced with this much of its life left, so that it does not end on its way. */
const REFRESH_AT = 0.8;

export class Session {
  readonly username: string;
  readonly #base: string;
  #tokens: Tokens;
  #refreshing: Promise<void> | null = null;
  #clockOffset = 0;

  private constructor(base: string, username: string, tokens: Tokens) {
    this.#base = base;
    this.username = username;
    this.#tokens = tokens;
  }

  /** @throws {Problem} in the server's words. */
  static async open(base: string, username: string, password: string): Promise<Session> {
    const body = new URLSearchParams({ username, password });
    return new Session(base, username, await askForTokens(`${base}/token`, body));
  }

  /** @throws {Problem} {SignedOut} {TypeError} when the server does not answer. */
  async fetch(path: string, init: { method?: string; body?: unknown; signal?: AbortSignal } = {}): Promise<Response> {
    if (performance.now() > this.#tokens.staleAt) await this.#refresh();
    const used = this.#tokens;
    let response = await this.#send(path, init);
    if (response.status === 401) {
      // Unless another request has replaced them meanwhile.
      if (used === this.#tokens) await this.#refresh();
      response = await this.#send(path, init);
      if (response.status === 401) throw new SignedOut();
    }
    this.#readClock(response);
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  async #send(
    path: string,
    { method = "GET", body, signal }: { method?: string; body?: unknown; signal?: AbortSignal },
  ): Promise<Response> {
    return await fetch(this.#base + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#tokens.access}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
      cache: "no-store",
      credentials: "omit",
    });
  }

  /**
   * One at a time, and never aborted: a refresh token is good once, and one that comes back ends the session as
   * stolen. An answer that was lost on its way therefore ends it too.
   */
  #refresh(): Promise<void> {
    this.#refreshing ??= askForTokens(`${this.#base}/refresh_token`, { refresh_token: this.#tokens.refresh })
      .then(
        (tokens) => {
          this.#tokens = tokens;
        },
        (error: unknown) => {
          if (error instanceof Problem && error.status === 401) throw new SignedOut();
          throw error;
        },
      )
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  /** Ends the session at the server (RFC 7009); the page may be on its way out. */
  close(): void {
    fetch(`${this.#base}/revoke`, {
      method: "POST",
      // The refresh token: the access token of a page that was hidden for long has expired.
      body: new URLSearchParams({ token: this.#tokens.refresh }),
      credentials: "omit",
      keepalive: true,
    }).catch(() => {
      // It ends by itself, later.
    });
  }

  /** Now, as the server's clock has it: this machine's may be wrong by minutes. */
  now(): number {
    return Date.now() + this.#clockOffset;
  }

  #readClock({ headers }: Response): void {
    const offset = Date.parse(headers.get("date") ?? "") - Date.now();
    // The header counts whole seconds, and was some time on its way.
    this.#clockOffset = Math.abs(offset) > 2_000 ? offset : 0;
  }
}

/**
 * The header by which a login says that this browser has logged in before, and the name under which it is kept. It may be
 * stored, because it opens nothing: it only keeps wrong guesses of strangers from slowing this browser down.
 */
const DEVICE_TOKEN = "device-token";

/** A browser that refuses storage throws; then this browser is not known. */
function storedDeviceToken(): string | null {
  try {
    return localStorage.getItem(DEVICE_TOKEN);
  } catch {
    return null;
  }
}

function storeDeviceToken(token: string | null): void {
  try {
    if (token !== null) localStorage.setItem(DEVICE_TOKEN, token);
  } catch {
    // The next login works without it.
  }
}

async function askForTokens(url: string, body: URLSearchParams | Record<string, string>): Promise<Tokens> {
  const asForm = body instanceof URLSearchParams;
  const deviceToken = asForm ? storedDeviceToken() : null;
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": asForm ? "application/x-www-form-urlencoded" : "application/json",
      ...(deviceToken === null ? {} : { [DEVICE_TOKEN]: deviceToken }),
    },
    body: asForm ? body : JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
  });
  if (!response.ok) throw await problemOf(response);
  storeDeviceToken(response.headers.get(DEVICE_TOKEN));
  const answer = (await response.json()) as { access_token: string; refresh_token: string; expires_in: number };
  return {
    access: answer.access_token,
    refresh: answer.refresh_token,
    staleAt: performance.now() + answer.expires_in * 1_000 * REFRESH_AT,
  };
}

/** The API answers with problem details (RFC 9457); a proxy in between may not. */
async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  const read = (name: string): string | null => {
    const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, name) : null;
    return typeof value === "string" ? value : null;
  };
  return new Problem(
    response.status,
    read("detail") ?? `The server answered ${response.status} ${response.statusText}`.trimEnd(),
    read("type")?.split(":").at(-1) ?? null,
  );
}
