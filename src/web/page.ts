/** What the pages that a letter's link leads to have in common: the shell, its headers, the style sheet, the guard. */
import { Elysia } from "elysia";
import type { Config } from "../config.ts";
import type { Locale } from "../mail/kinds.ts";

/**
 * Such a page is opened by an address that holds a secret: nothing of it is stored, indexed, framed or told to
 * anybody, and nothing comes from elsewhere (R28).
 */
const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-robots-tag": "noindex, nofollow",
  "x-content-type-options": "nosniff",
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "form-action 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
};

export interface Page {
  readonly title: string;
  /** Markup: whatever is not ours in it has been through `escapeHtml`. */
  readonly main: string;
  /** A module of `pageFiles`. @default none */
  readonly script?: string;
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export function respondWithPage(config: Config, locale: Locale, page: Page): Response {
  return new Response(shell(config, locale, page), {
    status: page.status ?? 200,
    headers: { ...PAGE_HEADERS, ...page.headers },
  });
}

function shell(config: Config, locale: Locale, { title, main, script }: Page): string {
  const { brand } = config;
  const name = escapeHtml(brand.name);
  const support = escapeHtml(brand.supportAddress);
  const base = escapeHtml(basePath(config));
  const square = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><rect width='8' height='8' rx='2' fill='${brand.color}'/></svg>`;
  return `<!doctype html>
<html lang="${locale}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${escapeHtml(title)} · ${name}</title>
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(square)}">
    <link rel="stylesheet" href="${base}/pages/pages.css">
    ${script ? `<script type="module" src="${base}/pages/${script}"></script>` : ""}
  </head>
  <body>
    <header>${logo(config) ?? `<span class="square"></span>${name}`}</header>
    <main>${main}</main>
    <footer>${HELP[locale]} <a href="mailto:${support}">${support}</a></footer>
  </body>
</html>
`;
}

/** Only one that we serve ourselves: another host would learn who opened a link, and when. */
function logo({ brand, publicUrl }: Config): string | null {
  if (brand.logoUrl === null || new URL(brand.logoUrl).origin !== new URL(publicUrl).origin) return null;
  return `<img src="${escapeHtml(new URL(brand.logoUrl).pathname)}" alt="${escapeHtml(brand.name)}">`;
}

const HELP: Record<Locale, string> = {
  en: "Questions? Write to",
  "pt-BR": "Dúvidas? Escreva para",
};

export const escapeHtml = (text: string): string => Bun.escapeHTML(text);

/** Where our paths begin, as the browser sees them: a proxy may serve us under a path of its own. */
export const basePath = ({ publicUrl }: Config): string => new URL(publicUrl).pathname.replace(/\/$/, "");

/**
 * Whether another site's page sent this form. There is no cookie that it could abuse, and without the token of a
 * letter it achieves what anybody can by curl; it is refused all the same, where the browser says so. `Origin` says
 * nothing here: under no-referrer browsers send "null" with a form, our own included.
 */
export function isForeign({ headers }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  return site === "cross-site" || site === "same-site";
}

/** The one value of a form's field; a field that came twice, or not at all, is empty. */
export function fieldOf(form: unknown, name: string): string {
  const value: unknown = typeof form === "object" && form !== null && Object.hasOwn(form, name) ? Reflect.get(form, name) : "";
  return typeof value === "string" ? value : "";
}

/** The style sheet and the scripts of these pages. */
export const pageFiles = ({ brand }: Config) =>
  new Elysia({ name: "page-files", detail: { hide: true } })
    .get("/pages/pages.css", async () => {
      // The policy forbids inline styles, so the brand's colours come in here.
      const colors = `:root { --brand: ${brand.color}; --on-brand: ${readableOn(brand.color)}; }\n`;
      return file(colors + (await Bun.file(new URL("pages.css", import.meta.url)).text()), "text/css; charset=utf-8");
    })
    .get("/pages/reset.client.js", () => {
      const source = Bun.file(new URL("reset.client.js", import.meta.url));
      return file(source, "text/javascript; charset=utf-8");
    });

/** Asked for anew each time: a page and its script must be of one version. */
const file = (body: string | Blob, type: string): Response =>
  new Response(body, {
    headers: { "content-type": type, "cache-control": "no-cache", "x-content-type-options": "nosniff" },
  });

/** Black or white, whichever contrasts more with the colour (WCAG 2.2, relative luminance): 4.58:1 at least. */
export function readableOn(color: string): "#000000" | "#ffffff" {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.040_45 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  // Where both contrasts are equal: (1 + 0.05) / (L + 0.05) = (L + 0.05) / (0 + 0.05).
  return luminance > 0.179 ? "#000000" : "#ffffff";
}
