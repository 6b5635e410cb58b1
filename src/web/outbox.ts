/**
 * The operator's page at `/outbox`: a shell, its script and its style sheet, open to everybody because they hold
 * nothing. What they show comes from the API, to superusers (`http/messages.ts`).
 */
import { Elysia } from "elysia";
import type { Config } from "../config.ts";
import { bundleOutbox, type Asset, type OutboxBundle } from "./outbox.bundle.ts";
import { basePath, escapeHtml } from "./page.ts";

const HEADERS = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-robots-tag": "noindex, nofollow",
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

export const outboxPages = ({ config }: { readonly config: Config }) => {
  const bundle = once(bundleOutbox);
  const asset = (pick: (bundle: OutboxBundle) => Asset) => async (context: { request: Request }) =>
    respondWithAsset(context.request, pick(await bundle()));
  return new Elysia({ name: "outbox-page", detail: { hide: true } })
    .get("/outbox", () => respondWithHtml(shell(config), PAGE_POLICY))
    .get(
      "/outbox/outbox.js",
      asset(({ script }) => script),
    )
    .get(
      "/outbox/outbox.css",
      asset(({ style }) => style),
    )
    .get("/outbox/letter", () => respondWithHtml(LETTER_FRAME, letterPolicy(config)));
};

function shell(config: Config): string {
  const base = escapeHtml(basePath(config));
  const icon =
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><rect x='1' y='1' width='22' height='22' rx='5' fill='#1f5eff'/><path d='M6 15v3h12v-3M12 14V6m-4 4 4-4 4 4' fill='none' stroke='white' stroke-width='2' stroke-linecap='round' stroke-linejoin='round'/></svg>";
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Outbox · ${escapeHtml(config.brand.name)}</title>
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}">
    <link rel="stylesheet" href="${base}/outbox/outbox.css">
    <script type="module" src="${base}/outbox/outbox.js"></script>
  </head>
  <body>
    <div id="root" data-base="${base}"></div>
    <noscript>The outbox needs JavaScript. Without it: <code>bun run dundie mail</code>.</noscript>
  </body>
</html>
`;
}

/**
 * Where a letter is shown. Letters have inline styles, which the page's own policy forbids, and a frame filled by the
 * page (srcdoc, blob:) would inherit that policy: so the page hands its letter to this one, whose policy allows styles
 * and nothing else, and which puts it in a sandbox without scripts, origin, forms or pop-ups.
 */
const FRAME_SCRIPT = `
addEventListener("message", ({ source, data }) => {
  if (source !== parent || typeof data !== "string") return;
  const letter = document.createElement("iframe");
  letter.sandbox = "";
  letter.title = "PreparedMessage";
  letter.srcdoc = data;
  document.body.replaceChildren(letter);
});
`;

const FRAME_STYLE = `
:root { color-scheme: light dark; }
html, body, iframe { display: block; width: 100%; height: 100%; margin: 0; border: 0; }
`;

const LETTER_FRAME = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>PreparedMessage</title>
    <style>${FRAME_STYLE}</style>
    <script type="module">${FRAME_SCRIPT}</script>
  </head>
  <body></body>
</html>
`;

function letterPolicy({ brand }: Config): string {
  // The one picture that a letter of ours may show.
  const logo = brand.logoUrl === null ? "" : ` ${new URL(brand.logoUrl).origin}`;
  return [
    "sandbox allow-scripts",
    "default-src 'none'",
    `script-src 'sha256-${new Bun.CryptoHasher("sha256").update(FRAME_SCRIPT).digest("base64")}'`,
    "style-src 'unsafe-inline'",
    `img-src data:${logo}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
  ].join("; ");
}

const respondWithHtml = (html: string, policy: string): Response =>
  new Response(html, {
    headers: { ...HEADERS, "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
  });

/** Asked for anew each time, and sent only when it has changed: page and API are of one version. */
function respondWithAsset({ headers }: Request, { type, body, gzipped, etag }: Asset): Response {
  const common = { ...HEADERS, "cache-control": "no-cache", etag, vary: "accept-encoding" };
  if (headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers: common });
  const gzip = /\bgzip\b/.test(headers.get("accept-encoding") ?? "");
  return new Response(gzip ? gzipped : body, {
    headers: { ...common, "content-type": type, ...(gzip ? { "content-encoding": "gzip" } : {}) },
  });
}

/** A failure is not remembered: the next request tries again. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}
