/** A client of the HTTP API. */

/** The password of the demo staff: see `src/accounts/seed.ts`. Of them, michael-scott is a superuser. */
export const PASSWORD = "four sparrows on a wire";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line no-explicit-any -- a test knows what it looks for in an answer.
  readonly body: any;
}

export interface Call {
  readonly json?: unknown;
  readonly form?: Record<string, string>;
  /** Sent as it is. */
  readonly raw?: string;
  /** Sent as they are, without a type unless `headers` has one. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

export interface Client {
  call(method: string, path: string, call?: Call): Promise<Answer>;
  /** @param username or an address. @throws when it is refused. */
  logIn(username: string, password?: string): Promise<Tokens>;
  /** The status of the answer. */
  tryLogIn(username: string, password?: string): Promise<number>;
}

/** @param url where the API listens, without a slash at its end. */
export function createClient(url: string): Client {
  const call: Client["call"] = async (method, path, { json, form, raw, bytes, token, headers } = {}) => {
    const response = await fetch(url + path, {
      method,
      redirect: "manual",
      headers: {
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
      ...(raw === undefined ? {} : { body: raw }),
      ...(bytes === undefined ? {} : { body: new Blob([bytes]) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text };
  };
  return {
    call,
    async logIn(username, password = PASSWORD) {
      const answer = await call("POST", "/token", { form: { username, password } });
      if (answer.status !== 200) throw new Error(`Login of ${username}: ${answer.status} ${answer.body.detail}`);
      return answer.body;
    },
    async tryLogIn(username, password = PASSWORD) {
      return (await call("POST", "/token", { form: { username, password } })).status;
    },
  };
}
