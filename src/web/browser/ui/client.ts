/** Calls of the API by a page with a login, which ends when the server says so. */
import { Problem, type Session, SignedOut } from "./session.ts";

/** Why a page may not go on: its session has ended, or its account may not see what it shows (any more). */
export type Refusal = "ended" | "forbidden";

export interface ListPage<Item> {
  readonly items: readonly Item[];
  /** The key of the page after it: what its `Link` says after `after=`. Null: this is the last. */
  readonly next: string | null;
}

export type Client = ReturnType<typeof createClient>;

export function createClient(session: Session, onRefused: (why: Refusal) => void) {
  /** @throws {Problem} {SignedOut} {TypeError} when the server does not answer. */
  const call = async (path: string, init: Parameters<Session["fetch"]>[1] = {}): Promise<Response> => {
    try {
      return await session.fetch(path, init);
    } catch (error) {
      if (error instanceof SignedOut) onRefused("ended");
      // A wrong password is a 403 as well, and refuses the request alone.
      if (error instanceof Problem && error.status === 403 && error.type !== "wrong-current-password") {
        onRefused("forbidden");
      }
      throw error;
    }
  };
  return {
    now: () => session.now(),
    call,
    get: async <T>(path: string, signal?: AbortSignal): Promise<T> =>
      (await (await call(path, signal ? { signal } : {})).json()) as T,
    post: async <T>(path: string, body?: unknown): Promise<T> =>
      (await (await call(path, { method: "POST", body })).json()) as T,
    page: async <Item>(path: string, signal?: AbortSignal): Promise<ListPage<Item>> => {
      const response = await call(path, signal ? { signal } : {});
      const next = /[?&]after=([0-9a-z-]+)[^>]*>; rel="next"/.exec(response.headers.get("link") ?? "")?.[1] ?? null;
      const items: ListPage<Item>["items"] = await response.json();
      return { items, next };
    },
  };
}
