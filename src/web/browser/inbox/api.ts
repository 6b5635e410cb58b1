/** The calls of the inbox that this page makes (`web/inbox.ts`). */
import type { InboxMessage, InboxSummary } from "../../../mail/inbox/shapes.ts";
import { API_PATH } from "../ui/root.ts";

const INBOX = `${API_PATH}/inbox`;
const RECONNECT_MILLISECONDS = 2_000;

/** @param search words that an email must have. */
export async function listEmails(search: string, signal: AbortSignal): Promise<readonly InboxSummary[]> {
  const response = await call(`/messages?${new URLSearchParams({ q: search })}`, { signal });
  return (await response.json()) as InboxSummary[];
}

/** @returns null when there is no such email. */
export async function readEmail(id: string, signal: AbortSignal): Promise<InboxMessage | null> {
  const response = await fetch(INBOX + pathOf(id), { signal });
  return response.ok ? ((await response.json()) as InboxMessage) : null;
}

export const htmlAddress = (id: string): string => `${INBOX}${pathOf(id)}/html`;
export const sourceAddress = (id: string): string => `${INBOX}${pathOf(id)}/source`;

export const deleteEmail = (id: string): Promise<Response> => fetch(INBOX + pathOf(id), { method: "DELETE" });
export const deleteAll = (): Promise<Response> => call("/messages", { method: "DELETE" });

const pathOf = (id: string): string => `/messages/${encodeURIComponent(id)}`;

async function call(path: string, init: RequestInit): Promise<Response> {
  const response = await fetch(INBOX + path, init);
  if (!response.ok) throw new Error(`The inbox answered ${response.status}.`);
  return response;
}

interface Follower {
  /** Called at each connection. What arrived while there was none is not announced. */
  readonly onOpen: () => void;
  readonly onArrived: (email: InboxSummary) => void;
  readonly onLost: () => void;
}

/** Follows arrivals, and connects again when the server was gone. @returns what ends it. */
export function followArrivals({ onOpen, onArrived, onLost }: Follower): () => void {
  let events: EventSource;
  let timer = 0;
  const connect = (): void => {
    events = new EventSource(`${INBOX}/events`);
    events.addEventListener("open", onOpen);
    events.addEventListener("arrived", (event: MessageEvent<string>) =>
      onArrived(JSON.parse(event.data) as InboxSummary),
    );
    events.addEventListener("error", () => {
      onLost();
      // The browser connects again by itself, except after an answer that is no stream (a proxy's 502, for example).
      if (events.readyState === EventSource.CLOSED) timer = window.setTimeout(connect, RECONNECT_MILLISECONDS);
    });
  };
  connect();
  return () => {
    clearTimeout(timer);
    events.close();
  };
}
