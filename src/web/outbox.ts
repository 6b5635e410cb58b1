/**
 * The operator's page at `/outbox`. The page itself is open to everyone because it holds no data: what it shows comes
 * from the API, which answers superusers only (`http/messages.ts`).
 */
import { Elysia } from "elysia";
import type { Config } from "../config.ts";
import { PROGRAM } from "../executable.ts";
import { page } from "../http/operation.ts";
import { operatorLinks, reactRoot } from "./development.ts";
import { respondWithHtml, respondWithPage } from "./document.ts";

const ICON =
  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><rect x='1' y='1' width='22' height='22' rx='5' fill='#1f5eff'/><path d='M6 15v3h12v-3M12 14V6m-4 4 4-4 4 4' fill='none' stroke='white' stroke-width='2' stroke-linecap='round' stroke-linejoin='round'/></svg>";

export const outboxPages = ({ config }: { readonly config: Config }) =>
  new Elysia({ name: "outbox-page", detail: page({ access: "public", limit: "none" }) })
    .get("/outbox", ({ request }) =>
      respondWithPage(
        request,
        {
          title: `Outbox · ${config.brand.name}`,
          icon: ICON,
          styles: ["outbox.css"],
          scripts: ["outbox.js"],
          body: `
    ${reactRoot(request, operatorLinks(config))}
    <noscript>The outbox needs JavaScript. Without it, use the command line: <code>${PROGRAM} mail</code>.</noscript>
  `,
        },
        { policy: { "frame-src": "'self'" } },
      ),
    )
    .get("/outbox/email", () => respondWithHtml(EMAIL_FRAME, { policy: emailPolicy(config) }));

/**
 * Where an email is shown. Emails have inline styles, which the page's own policy forbids, and a frame filled by the
 * page (srcdoc, blob:) would inherit that policy. So the page hands the email to this document, whose policy allows
 * styles and nothing else, and which puts it in a sandbox without scripts, origin, forms or pop-ups.
 */
const FRAME_SCRIPT = `
addEventListener("message", ({ source, data }) => {
  if (source !== parent || typeof data !== "string") return;
  const email = document.createElement("iframe");
  email.sandbox = "";
  email.title = "Email";
  email.srcdoc = data;
  document.body.replaceChildren(email);
});
`;

const FRAME_STYLE = `
:root { color-scheme: light dark; }
html, body, iframe { display: block; width: 100%; height: 100%; margin: 0; border: 0; }
`;

const EMAIL_FRAME = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Email</title>
    <style>${FRAME_STYLE}</style>
    <script type="module">${FRAME_SCRIPT}</script>
  </head>
  <body></body>
</html>
`;

const emailPolicy = ({ brand }: Config): Readonly<Record<string, string>> => ({
  sandbox: "allow-scripts",
  "script-src": `'sha256-${new Bun.CryptoHasher("sha256").update(FRAME_SCRIPT).digest("base64")}'`,
  "style-src": "'unsafe-inline'",
  "connect-src": "'none'",
  // The one picture that our emails show is the brand's logo.
  "img-src": brand.logoUrl === null ? "data:" : `data: ${new URL(brand.logoUrl).origin}`,
  "frame-ancestors": "'self'",
});
