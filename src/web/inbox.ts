/**
 * The development inbox at `/inbox`: a page, and the JSON that it and tests read. It shows letters with live links to
 * whoever can reach it, so it answers on loopback names only.
 */
import { Elysia, t } from "elysia";
import { Forbidden, NotFound } from "../errors.ts";
import type { Inbox } from "../mail/inbox/server.ts";
import type { InboxMessage } from "../mail/inbox/email.ts";

/** Under the 30 s after which Elysia's server gives up on a silent connection. */
const HEARTBEAT_MILLISECONDS = 10_000;
/** How long a browser waits before it connects again after the stream broke. */
const RECONNECT_MILLISECONDS = 1_000;

/** Mail is private and changes at once; a letter's links must not tell anyone where they were clicked. */
const PRIVATE_HEADERS = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A letter runs nothing and reaches nothing of ours; its links open, as any link does, in a tab of their own. */
const LETTER_POLICY = [
  "sandbox allow-popups allow-popups-to-escape-sandbox",
  "default-src 'none'",
  "img-src data: https:",
  "style-src 'unsafe-inline'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join("; ");

const mailbox = t.Object({ name: t.String(), address: t.String() });
const summary = t.Object({
  id: t.String({ description: "UUIDv7: sorts by arrival." }),
  receivedAt: t.String({ description: "ISO 8601." }),
  envelope: t.Object({ from: t.String(), to: t.Array(t.String()) }, { description: "Who it was really for." }),
  from: t.Nullable(mailbox),
  to: t.Array(mailbox),
  subject: t.String(),
  preview: t.String({ description: "The first words of the text part." }),
  messageId: t.Nullable(t.String()),
  date: t.Nullable(t.String()),
});
const message = t.Composite([
  summary,
  t.Object({
    headers: t.Array(t.Object({ name: t.String(), value: t.String() })),
    html: t.Nullable(t.String()),
    text: t.Nullable(t.String()),
    links: t.Array(t.String(), { description: "Every http(s) link of the letter, once each." }),
    source: t.String({ description: "The raw letter, as received." }),
  }),
]);
const byId = t.Object({ id: t.String({ description: "Of a letter." }) });

/**
 * @param options.signal aborted when the shutdown begins: it ends the event streams, which a server that drains its
 * requests would otherwise wait for without end.
 */
export function inboxPages(inbox: Inbox, options: { signal?: AbortSignal } = {}) {
  return new Elysia({ prefix: "/inbox", detail: { tags: ["Development inbox"] } })
    .onBeforeHandle(({ request, set }) => {
      if (!isLocalHost(request)) throw new Forbidden("The development inbox answers on localhost only.");
      if (request.method === "DELETE" && !isSameOrigin(request)) throw new Forbidden("Only its own page may do this.");
      Object.assign(set.headers, PRIVATE_HEADERS);
    })

    .get("/", () => file("inbox.html", { "content-security-policy": PAGE_POLICY }), { detail: { hide: true } })
    .get("/common.css", () => file("common.css"), { detail: { hide: true } })
    .get("/inbox.css", () => file("inbox.css"), { detail: { hide: true } })
    .get("/inbox.client.js", () => file("inbox.client.js"), { detail: { hide: true } })
    .get("/inbox.letter.js", () => file("inbox.letter.js"), { detail: { hide: true } })

    .get("/messages", ({ query }) => inbox.list(query), {
      query: t.Object({
        to: t.Optional(t.String({ description: "An envelope recipient." })),
        q: t.Optional(t.String({ description: "Words to look for in subject, addresses, names and text." })),
        after: t.Optional(t.String({ description: "Only what arrived after the letter with this id." })),
      }),
      response: { 200: t.Array(summary) },
      detail: { summary: "List the letters, newest first" },
    })
    .get("/messages/:id", ({ params }) => find(inbox, params.id), {
      params: byId,
      response: { 200: message },
      detail: { summary: "Show one letter: headers, both parts, links and source" },
    })
    .get("/messages/:id/html", ({ params }) => letterPage(find(inbox, params.id)), {
      params: byId,
      detail: { summary: "Show a letter's HTML part, sandboxed" },
    })
    .get("/messages/:id/source", ({ params }) => respond(find(inbox, params.id).source, "text/plain; charset=utf-8"), {
      params: byId,
      detail: { summary: "Show a letter's source, as received" },
    })
    .delete(
      "/messages",
      () => {
        inbox.clear();
        return new Response(null, { status: 204 });
      },
      { detail: { summary: "Clear the inbox" } },
    )
    .delete(
      "/messages/:id",
      ({ params }) => {
        if (!inbox.remove(params.id)) throw new NotFound("There is no such letter.");
        return new Response(null, { status: 204 });
      },
      { params: byId, detail: { summary: "Delete one letter" } },
    )
    .get(
      "/events",
      ({ request, server }) => {
        // The heartbeat is for proxies and for finding dead peers; our own server is not to end the stream.
        server?.timeout(request, 0);
        return eventStream(inbox, options.signal);
      },
      { detail: { summary: "Follow arrivals", description: "Server-Sent Events: one `arrived` a letter." } },
    );
}

/**
 * The guard against DNS rebinding: a foreign name that was made to point at 127.0.0.1 lets its owner's page read this
 * one as its own, but the browser still sends that name as Host.
 */
function isLocalHost(request: Request): boolean {
  // Requests that never crossed a socket (app.handle) have no Host, only a URL.
  const host = request.headers.get("host") ?? new URL(request.url).host;
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host);
}

/** Browsers say where a request comes from; what says nothing (curl, tests) is not a page at all. */
function isSameOrigin({ headers, url }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = headers.get("origin");
  return origin === null || URL.parse(origin)?.host === (headers.get("host") ?? new URL(url).host);
}

function find(inbox: Inbox, id: string): InboxMessage {
  const message = inbox.find(id);
  if (!message) throw new NotFound("There is no such letter.");
  return message;
}

/** In its iframe every link would replace the letter, and no site lets itself be framed: hence the base. */
function letterPage({ html }: InboxMessage): Response {
  if (html === null) throw new NotFound("This letter has no HTML part.");
  const base = '<base target="_blank">';
  const head = /<head(?:\s[^>]*)?>/i.exec(html);
  const at = head ? head.index + head[0].length : 0;
  const page = html.slice(0, at) + base + html.slice(at);
  return respond(page, "text/html; charset=utf-8", { "content-security-policy": LETTER_POLICY });
}

function eventStream(inbox: Inbox, signal: AbortSignal | undefined): Response {
  const encoder = new TextEncoder();
  let release = (): void => {};
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      const write = (event: string): void => controller.enqueue(encoder.encode(`${event}\n\n`));
      const unsubscribe = inbox.subscribe((summary) => write(`event: arrived\ndata: ${JSON.stringify(summary)}`));
      const heartbeat = setInterval(() => write(": still here"), HEARTBEAT_MILLISECONDS);
      const end = (): void => {
        release();
        controller.close();
      };
      release = () => {
        unsubscribe();
        clearInterval(heartbeat);
        signal?.removeEventListener("abort", end);
      };
      write(`retry: ${RECONNECT_MILLISECONDS}`);
      if (signal?.aborted) end();
      else signal?.addEventListener("abort", end);
    },
    cancel: () => release(),
  });
  return respond(stream, "text/event-stream");
}

/** Read from disk each time: a change to the page shows at the next reload. */
function file(name: string, headers: Record<string, string> = {}): Response {
  const source = Bun.file(new URL(name, import.meta.url));
  return respond(source, source.type, headers);
}

const respond = (body: string | Blob | ReadableStream, type: string, headers: Record<string, string> = {}): Response =>
  new Response(body, { headers: { ...PRIVATE_HEADERS, "content-type": type, ...headers } });
