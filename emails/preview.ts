/**
 * `bun run emails`: every email with sample words, in both languages, light and dark, wide and narrow, as the courier
 * would send it. Wears the brand of the environment (BRAND_NAME, BRAND_COLOR, …). On loopback only, and offline.
 *
 * React Email's own preview is not used: it is a Next.js application that listens on every interface, and it shows
 * what React renders rather than what leaves.
 */
import { readConfig } from "../src/config.ts";
import { isKindName, type KindName, LOCALES, type Locale } from "../src/mail/kinds.ts";
import { compileEmail, fillEmail } from "../src/mail/courier/render.ts";
import { createMailers } from "../src/mailers/mailers.ts";

const PORT = 8025;
const SCHEMES = ["light", "dark"] as const;
const { APP_URL, BRAND_NAME, BRAND_COLOR, BRAND_LOGO_URL, SUPPORT_ADDRESS } = process.env;
const config = readConfig({ APP_URL, BRAND_NAME, BRAND_COLOR, BRAND_LOGO_URL, SUPPORT_ADDRESS }, null);
const mailers = createMailers(config);

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(Bun.argv[2] ?? PORT),
  routes: {
    "/": async ({ url }) => {
      const { searchParams } = new URL(url);
      const kind = searchParams.get("kind") ?? "";
      const width = searchParams.get("width") === "390" ? 390 : 700;
      return page(await overview(isKindName(kind) ? kind : "password_reset", width));
    },
    "/:kind/:locale/:scheme": async ({ params: { kind, locale, scheme } }) => {
      const known = LOCALES.find((one) => one === locale);
      if (!isKindName(kind) || !known) return new Response("No such email", { status: 404 });
      return page(inScheme((await email(kind, known)).html, scheme === "dark"));
    },
  },
});
process.stdout.write(`Emails: ${server.url}\n`);

async function email(kind: KindName, locale: Locale): Promise<ReturnType<typeof fillEmail>> {
  const template = mailers.get(kind)?.template;
  if (!template) throw new TypeError(`There is no mailer for ${kind}.`);
  return fillEmail(await compileEmail(template, locale, config.brand), template.previewWords(locale));
}

/** A page cannot choose what its frames prefer, so the email's question is answered in its markup. */
const inScheme = (html: string, dark: boolean): string =>
  html
    .replace(/\(prefers-color-scheme:\s+dark\)/g, dark ? "(min-width: 0)" : "(max-width: 0)")
    .replace(/content="light\s+dark"/g, `content="${dark ? "dark" : "light"}"`);

async function overview(kind: KindName, width: number): Promise<string> {
  const menu = [...mailers.keys()].map(
    (name) => `<a href="/?kind=${name}&width=${width}"${name === kind ? ' aria-current="page"' : ""}>${name}</a>`,
  );
  const widths = [700, 390].map(
    (one) => `<a href="/?kind=${kind}&width=${one}"${one === width ? ' aria-current="true"' : ""}>${one} px</a>`,
  );
  const sections = await Promise.all(LOCALES.map((locale) => section(kind, locale, width)));
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${kind}</title><style>${STYLE}</style>
    <nav>${menu.join("")}<hr>${widths.join("")}</nav><main>${sections.join("")}</main></html>`;
}

async function section(kind: KindName, locale: Locale, width: number): Promise<string> {
  const { subject, text } = await email(kind, locale);
  const frames = SCHEMES.map((scheme) => {
    const path = `/${kind}/${locale}/${scheme}`;
    return `<figure><iframe src="${path}" title="${kind}, ${locale}, ${scheme}" width="${width}"
      onload="this.style.height = this.contentDocument.documentElement.scrollHeight + 2 + 'px'"></iframe>
      <figcaption><a href="${path}">${scheme}</a></figcaption></figure>`;
  });
  return `<section><h2>${Bun.escapeHTML(subject)} <small>${locale}</small></h2>
    <div>${frames.join("")}<figure><pre>${Bun.escapeHTML(text)}</pre><figcaption>text</figcaption></figure></div></section>`;
}

const page = (html: string): Response =>
  new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });

const STYLE = `
  :root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
  body { margin: 0; display: flex; }
  nav { position: sticky; top: 0; height: 100vh; padding: 20px; flex: none; display: grid; align-content: start; gap: 6px; }
  nav hr { width: 100%; border: 0; border-top: 1px solid #8886; }
  a { color: inherit; }
  nav a { text-decoration: none; }
  nav a[aria-current] { font-weight: 700; text-decoration: underline; }
  main { padding: 20px; min-width: 0; }
  h2 { font-size: 18px; }
  small { font-weight: 400; opacity: 0.7; }
  section div { display: flex; gap: 20px; align-items: start; overflow-x: auto; }
  figure { margin: 0; }
  iframe { border: 1px solid #8886; border-radius: 6px; display: block; height: 700px; }
  pre { border: 1px solid #8886; border-radius: 6px; margin: 0; padding: 16px; width: 460px; white-space: pre-wrap; overflow-wrap: anywhere; }
  figcaption { opacity: 0.7; padding: 6px 2px; }
`;
