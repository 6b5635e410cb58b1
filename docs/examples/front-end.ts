/** What a front end does with dundie, by Eden's typed client. `test/eden.test.ts` runs it. */
import { treaty } from "@elysiajs/eden";
import type { App } from "../../src/app.ts";

/** The OAuth routes take forms (RFC 6749 §4.3.2), and Eden writes JSON. */
const FORMS = new Set(["/token", "/revoke", "/introspect"]);

/** @param accessToken the current one; null before the login. */
export const connect = (url: string, accessToken: () => string | null) =>
  treaty<App>(url, {
    // Times stay texts, as the types say.
    parseDate: false,
    headers: () => {
      const token = accessToken();
      return token === null ? {} : { authorization: `Bearer ${token}` };
    },
    onRequest: (path, { body }) =>
      FORMS.has(path) && typeof body === "string"
        ? {
            body: new URLSearchParams(JSON.parse(body) as Record<string, string>),
            headers: { "content-type": "application/x-www-form-urlencoded" },
          }
        : undefined,
  });

/** One person's session: it logs in and refreshes its tokens when the access token has expired. */
export function createSession(url: string) {
  let tokens: { access_token: string; refresh_token: string } | null = null;
  const client = connect(url, () => tokens?.access_token ?? null);

  return {
    client,

    async logIn(username: string, password: string): Promise<boolean> {
      const { data, error } = await client.token.post({ username, password });
      if (data) tokens = data;
      else if (error.value.type !== "urn:dundie:problem:wrong-credentials") throw new Error(error.value.detail);
      return data !== null;
    },

    /** Runs a call; on a 401 refreshes the tokens and runs it once more. */
    async call<T extends { status: number }>(run: () => Promise<T>): Promise<T> {
      const first = await run();
      if (first.status !== 401 || tokens === null) return first;
      const { data } = await client.refresh_token.post({ refresh_token: tokens.refresh_token });
      tokens = data;
      return data ? await run() : first;
    },

    async logOut(): Promise<void> {
      await client.logout.post();
      tokens = null;
    },
  };
}

/** For the page that the link of a reset email leads to. @returns what to tell the person. */
export async function choosePassword(url: string, token: string, password: string): Promise<string> {
  const { data, error } = await connect(url, () => null).user.password.post({
    password,
    password_confirm: password,
    pwd_reset_token: token,
  });
  if (data) return `The password of ${data.username} is changed.`;
  switch (error.value.type) {
    case "urn:dundie:problem:password-too-short":
    case "urn:dundie:problem:password-too-common":
    case "urn:dundie:problem:password-too-personal":
      return "Choose another password.";
    case "urn:dundie:problem:invalid-link":
      return "The link no longer works. Ask for a new one.";
    default:
      return error.value.detail;
  }
}
