/** What every page has in common: the shell of its document, its headers and its content security policy. */
import { pathOf } from "../http/path.ts";

export interface Document {
  /** @default "en" */
  readonly lang?: string;
  readonly title: string;
  /** An SVG picture. */
  readonly icon: string;
  /** Names of assets. */
  readonly styles: readonly string[];
  /** Names of assets: modules, run when the document is complete. */
  readonly scripts: readonly string[];
  /** Markup: what comes from elsewhere has been through `escapeHtml`. */
  readonly body: string;
}

export interface PageResponse {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Directives that differ from those of `PAGE_POLICY`. */
  readonly policy?: Readonly<Record<string, string>>;
}

/** A page loads only what its own host serves, and runs no inline script. */
const PAGE_POLICY: Readonly<Record<string, string>> = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "connect-src": "'self'",
  "img-src": "'self' data:",
  "base-uri": "'none'",
  "form-action": "'none'",
  "frame-ancestors": "'none'",
};

/** Pages hold secrets, or lead to them: nothing stores or indexes them, and no other site learns of them (R28). */
export const PRIVATE_HEADERS = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-robots-tag": "noindex, nofollow",
};

export const escapeHtml = (text: string): string => Bun.escapeHTML(text);

/**
 * The relative address of the API's root, from the page that a request asks for: `./` from `/outbox`, `../` from
 * `/outbox/`. With relative addresses a page works at its own port and under any path of a proxy.
 */
export const rootOf = (request: Request): string => "../".repeat(pathOf(request).split("/").length - 2) || "./";

/** @returns the page; addresses in it start with `rootOf(request)`. */
export function respondWithPage(request: Request, document: Document, response: PageResponse = {}): Response {
  const root = rootOf(request);
  const { lang = "en", title, icon, styles, scripts, body } = document;
  const html = `<!doctype html>
<html lang="${lang}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${escapeHtml(title)}</title>
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}">
    ${styles.map((name) => `<link rel="stylesheet" href="${root}assets/${name}">`).join("\n    ")}
    ${scripts.map((name) => `<script type="module" src="${root}assets/${name}"></script>`).join("\n    ")}
  </head>
  <body>${body}</body>
</html>
`;
  return respondWithHtml(html, response);
}

export function respondWithHtml(
  html: string,
  { status = 200, headers = {}, policy = {} }: PageResponse = {},
): Response {
  const directives = Object.entries({ ...PAGE_POLICY, ...policy }).map(([name, value]) => `${name} ${value}`.trimEnd());
  return new Response(html, {
    status,
    headers: {
      ...PRIVATE_HEADERS,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": directives.join("; "),
      ...headers,
    },
  });
}
