/** The page at `/`: what this server is, and where to go from here. */
import { Elysia } from "elysia";
import type { Deps } from "../../accounts/deps.ts";
import { page } from "../../http/operation.ts";
import { requestContext } from "../../http/request-context.ts";
import type { Locale } from "../../mail/kinds.ts";
import { developmentLinks } from "../development.ts";
import { escapeHtml as e, rootOf } from "../document.ts";
import { answerWithPage, type Page } from "./page.ts";

export const frontPage = (deps: Deps) =>
  new Elysia({ name: "front-page" })
    .use(requestContext(deps.config))
    .get(
      "/",
      ({ request, context }) => answerWithPage(deps, request, context, async () => view(deps, request, context.locale)),
      {
        detail: page({ access: "public", limit: "none" }),
      },
    );

function view({ config }: Deps, request: Request, locale: Locale): Page {
  const { brand } = config;
  const words = WORDS[locale];
  const root = rootOf(request);
  const links = developmentLinks(config).filter(({ path }) => path !== "");
  const logIn = brand.appUrl && `<a class="button" href="${e(brand.appUrl)}">${words.logIn}</a>`;
  const reset = `<a class="button${logIn ? " secondary" : ""}" href="${root}reset_password">${words.reset}</a>`;
  const development = `
    <section class="development" aria-labelledby="development">
      <h2 id="development">${words.development}</h2>
      <ul>${links.map(({ label, path }) => `<li><a href="${root}${path}">${label}</a> ${words.about(path)}</li>`).join("")}</ul>
    </section>`;
  return {
    title: words.title,
    scripts: [],
    main: `
      <h1>${words.title}</h1>
      <p class="lead">${words.lead(e(brand.name))}</p>
      <p class="next">${logIn ?? ""}${reset}</p>
      ${links.length > 0 ? development : ""}`,
  };
}

interface FrontWords {
  readonly title: string;
  readonly lead: (brand: string) => string;
  readonly logIn: string;
  readonly reset: string;
  readonly development: string;
  /** What a development page shows. */
  readonly about: (path: string) => string;
}

const WORDS: Readonly<Record<Locale, FrontWords>> = {
  en: {
    title: "Accounts",
    lead: (brand) => `This server keeps the accounts of ${brand}: it logs people in and sends their account emails.`,
    logIn: "Log in",
    reset: "Reset your password",
    development: "For developers",
    about: (path) =>
      ({
        docs: "Try the API.",
        inbox: "Read the emails that were sent.",
        outbox: "Watch the queue and retry emails.",
        people: "Find and administer accounts.",
      })[path] ?? "",
  },
  "pt-BR": {
    title: "Contas",
    lead: (brand) => `Este servidor cuida das contas ${brand}: login e e-mails da conta.`,
    logIn: "Entrar",
    reset: "Redefinir sua senha",
    development: "Para quem desenvolve",
    about: (path) =>
      ({
        docs: "Experimente a API.",
        inbox: "Leia os e-mails enviados.",
        outbox: "Acompanhe a fila e reenvie e-mails.",
        people: "Encontre e administre contas.",
      })[path] ?? "",
  },
};
