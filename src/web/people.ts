/**
 * The administrator's page at `/people`. It is open to everyone because it holds no data: what it shows comes from the
 * API, which answers superusers only (`http/users.ts`, `http/administration.ts`).
 */
import { Elysia } from "elysia";
import type { Config } from "../config.ts";
import { PROGRAM } from "../executable.ts";
import { page } from "../http/operation.ts";
import { preferredLocale } from "../http/request-context.ts";
import { operatorLinks, reactRoot } from "./development.ts";
import { respondWithPage } from "./document.ts";

const ICON =
  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><rect x='1' y='1' width='22' height='22' rx='5' fill='#1f5eff'/><path d='M12 12a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4Zm-6 7a6 6 0 0 1 12 0' fill='none' stroke='white' stroke-width='2' stroke-linecap='round' stroke-linejoin='round'/></svg>";

const WORDS = {
  en: { title: "People", noScript: "This page needs JavaScript. Without it, use the command line:" },
  "pt-BR": { title: "Pessoas", noScript: "Esta página precisa de JavaScript. Sem ele, use a linha de comando:" },
};

export const peoplePages = ({ config }: { readonly config: Config }) =>
  new Elysia({ name: "people-page", detail: page({ access: "public", limit: "none" }) }).get(
    "/people",
    ({ request }) => {
      const lang = preferredLocale(request.headers.get("accept-language"), config.defaultLocale);
      const { title, noScript } = WORDS[lang];
      return respondWithPage(request, {
        lang,
        title: `${title} · ${config.brand.name}`,
        icon: ICON,
        styles: ["people.css"],
        scripts: ["people.js"],
        body: `
    ${reactRoot(request, operatorLinks(config))}
    <noscript>${noScript} <code>${PROGRAM} find-user</code>.</noscript>
  `,
      });
    },
  );
