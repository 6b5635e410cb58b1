/**
 * The development inbox at `/inbox`: a page, and the JSON that the page and tests read. It shows emails with working
 * links to everyone who can reach it, so it answers this machine only, and no proxy.
 */
import { Elysia, t } from "elysia";
import type { Config } from "../config.ts";
import { Forbidden, NotFound } from "../errors.ts";
import { hasLoopbackHost, isForwarded } from "../http/loopback.ts";
import { routeFacts } from "../http/operation.ts";
import type { Inbox } from "../mail/inbox/server.ts";
import type { InboxMessage } from "../mail/inbox/shapes.ts";
import { developmentLinks, reactRoot, type SiteLink } from "./development.ts";
import { PRIVATE_HEADERS, respondWithHtml, respondWithPage, rootOf } from "./document.ts";

/** The heartbeat comes before the 30 s after which Elysia's server gives up on a silent connection. */
const HEARTBEAT_MILLISECONDS = 10_000;
/** How long a browser waits before it connects again after the stream broke. */
const RECONNECT_MILLISECONDS = 1_000;

const ICON =
  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><rect x='1' y='4' width='22' height='16' rx='3' fill='#1f5eff'/><path d='m4 8 8 6 8-6' fill='none' stroke='white' stroke-width='2' stroke-linecap='round' stroke-linejoin='round'/></svg>";

/** An email runs no script and cannot reach the API. Its links open in a tab of their own. */
const emailPolicy = (logoUrl: string | null) => ({
  sandbox: "allow-popups allow-popups-to-escape-sandbox",
  "script-src": "'none'",
  "connect-src": "'none'",
  // The brand's logo may come over http from this machine.
  "img-src": `data: https:${logoUrl === null ? "" : ` ${new URL(logoUrl).origin}`}`,
  "style-src": "'unsafe-inline'",
  "frame-ancestors": "'self'",
});

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
    links: t.Array(t.String(), { description: "Every http(s) link of the email, once each." }),
    source: t.String({ description: "The raw email, as received." }),
  }),
]);
const byId = t.Object({ id: t.String({ description: "The email's id." }) });

interface InboxOptions {
  /** Aborted when the shutdown begins: it ends the event streams, which a server that drains would wait for forever. */
  readonly signal?: AbortSignal;
  /** @default without a logo and without links to other pages */
  readonly config?: Config;
}

export function inboxPages(inbox: Inbox, options: InboxOptions = {}) {
  const policy = emailPolicy(options.config?.brand.logoUrl ?? null);
  const links = options.config ? developmentLinks(options.config) : [];
  return new Elysia({
    prefix: "/inbox",
    detail: { tags: ["Development inbox"], ...routeFacts({ access: "public", limit: "none" }) },
  })
    .onBeforeHandle(({ request, set }) => {
      if (!hasLoopbackHost(request)) throw new Forbidden("The development inbox answers on localhost only.");
      if (isForwarded(request)) throw new Forbidden("The development inbox does not answer through a proxy.");
      if (request.method === "DELETE" && !isSameOrigin(request)) throw new Forbidden("Only its own page may do this.");
      Object.assign(set.headers, PRIVATE_HEADERS);
    })

    .get("/", ({ request }) => inboxPage(request, links), { detail: { hide: true } })
    .get("/messages", ({ query }) => inbox.list(query), {
      query: t.Object({
        to: t.Optional(t.String({ description: "An envelope recipient." })),
        q: t.Optional(t.String({ description: "Words to look for in subject, addresses, names and text." })),
        after: t.Optional(t.String({ description: "Only what arrived after the email with this id." })),
      }),
      response: { 200: t.Array(summary) },
      detail: { operationId: "listEmails", summary: "List the emails, newest first" },
    })
    .get("/messages/:id", ({ params }) => find(inbox, params.id), {
      params: byId,
      response: { 200: message },
      detail: { operationId: "getEmail", summary: "Show one email: headers, both parts, links and source" },
    })
    .get("/messages/:id/html", ({ params }) => emailDocument(find(inbox, params.id), policy), {
      params: byId,
      detail: { operationId: "getEmailHtml", summary: "Show an email's HTML part, sandboxed" },
    })
    .get("/messages/:id/source", ({ params }) => respond(find(inbox, params.id).source, "text/plain; charset=utf-8"), {
      params: byId,
      detail: { operationId: "getEmailSource", summary: "Show an email's source, as received" },
    })
    .delete(
      "/messages",
      () => {
        inbox.clear();
        return new Response(null, { status: 204 });
      },
      { detail: { operationId: "clearInbox", summary: "Clear the inbox" } },
    )
    .delete(
      "/messages/:id",
      ({ params }) => {
        if (!inbox.remove(params.id)) throw new NotFound("There is no such email.");
        return new Response(null, { status: 204 });
      },
      { params: byId, detail: { operationId: "deleteEmail", summary: "Delete one email" } },
    )
    .get(
      "/events",
      ({ request, server }) => {
        // The heartbeat is for proxies and for finding dead peers; our own server is not to end the stream.
        server?.timeout(request, 0);
        return eventStream(inbox, options.signal);
      },
      {
        detail: {
          operationId: "followEmails",
          summary: "Follow arrivals",
          description: "Server-Sent Events: one `arrived` for each email.",
        },
      },
    );
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
  if (!message) throw new NotFound("There is no such email.");
  return message;
}

const inboxPage = (request: Request, links: readonly SiteLink[]): Response =>
  respondWithPage(
    request,
    {
      title: "Development inbox",
      icon: ICON,
      styles: ["inbox.css"],
      scripts: ["inbox.js"],
      body: `
    ${reactRoot(request, links)}
    <noscript>The inbox page needs JavaScript. Without it, read <a href="${rootOf(request)}inbox/messages">the emails as JSON</a>.</noscript>
  `,
    },
    { policy: { "frame-src": "'self'" } },
  );

/** Without a base, a link would replace the email in its frame, and most sites refuse to be framed. */
function emailDocument({ html }: InboxMessage, policy: Readonly<Record<string, string>>): Response {
  if (html === null) throw new NotFound("This email has no HTML part.");
  const base = '<base target="_blank">';
  const head = /<head(?:\s[^>]*)?>/i.exec(html);
  const at = head ? head.index + head[0].length : 0;
  return respondWithHtml(html.slice(0, at) + base + html.slice(at), { policy });
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
  // nginx would keep the events back until it has a buffer full of them.
  return respond(stream, "text/event-stream", { "x-accel-buffering": "no" });
}

const respond = (body: string | ReadableStream, type: string, headers: Record<string, string> = {}): Response =>
  new Response(body, { headers: { ...PRIVATE_HEADERS, "content-type": type, ...headers } });
