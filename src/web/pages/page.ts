/** What the pages behind the links of emails have in common: their shell, the guard of their forms, their failures. */
import type { RequestContext } from "../../accounts/caller.ts";
import type { Deps } from "../../accounts/deps.ts";
import type { Brand, Config } from "../../config.ts";
import { asUnavailable } from "../../db/errors.ts";
import { DomainError, TooManyRequests, Unavailable } from "../../errors.ts";
import type { RefusalPages } from "../../http/admission.ts";
import { preferredLocale } from "../../http/request-context.ts";
import type { Locale } from "../../mail/kinds.ts";
import { escapeHtml, respondWithPage } from "../document.ts";

export interface Page {
  readonly title: string;
  /** Markup: what comes from elsewhere has been through `escapeHtml`. Addresses in it are relative to the page's. */
  readonly main: string;
  /** Names of assets. */
  readonly scripts: readonly string[];
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Takes the token out of the address bar and sends forms in place. */
export const PAGE_SCRIPT = "page.js";

/** Answers with a page even when `find` fails. Faults of the server are logged as `http/problem.ts` logs them. */
export async function answerWithPage(
  { config, log }: Deps,
  request: Request,
  { locale, requestId }: RequestContext,
  find: () => Promise<Page>,
): Promise<Response> {
  const page = await find().catch((thrown: unknown): Page => {
    const error = asUnavailable(thrown);
    if (error instanceof TooManyRequests) return tooMany(locale, error.retryAfterSeconds);
    if (error instanceof Unavailable) return failure(locale, 503, FAILURES[locale].broken, error);
    if (!(error instanceof DomainError)) {
      log.error({ event: "request_failed", requestId, err: error }, "a request hit a fault");
    }
    return failure(locale, 500, FAILURES[locale].broken);
  });
  return respond(config, request, locale, page);
}

/** The pages for requests that are refused before they reach a route. */
export const refusalPages = (config: Config): RefusalPages => {
  const localeOf = ({ headers }: Request) => preferredLocale(headers.get("accept-language"), config.defaultLocale);
  return {
    tooMany(request, retryAfterSeconds) {
      const locale = localeOf(request);
      return respond(config, request, locale, tooMany(locale, retryAfterSeconds));
    },
    foreignForm(request) {
      const locale = localeOf(request);
      return respond(config, request, locale, failure(locale, 403, FAILURES[locale].foreign));
    },
  };
};

const tooMany = (locale: Locale, retryAfterSeconds: number): Page =>
  failure(locale, 429, FAILURES[locale].tooMany(pause(retryAfterSeconds, locale)), { retryAfterSeconds });

/** This page has no script, because the script takes the token from the address, and reloading must be possible. */
function failure(locale: Locale, status: number, words: string, retry?: { readonly retryAfterSeconds: number }): Page {
  const { title } = FAILURES[locale];
  return {
    title,
    status,
    scripts: [],
    main: `${ICONS.warning}<h1 tabindex="-1">${title}</h1><p class="lead">${words}</p>`,
    headers: retry ? { "retry-after": String(retry.retryAfterSeconds) } : {},
  };
}

const FAILURES = {
  en: {
    title: "Something went wrong",
    tooMany: (pause: string) => `There were too many attempts. Wait ${pause}, then try again.`,
    foreign: "This form was sent from another website, so nothing was changed.",
    broken: "There is a problem on our side, and nothing was changed. Try again in a moment.",
  },
  "pt-BR": {
    title: "Algo deu errado",
    tooMany: (pause: string) => `Houve tentativas demais. Espere ${pause} e tente de novo.`,
    foreign: "Este formulário foi enviado de outro site, então nada foi alterado.",
    broken: "Houve um problema do nosso lado, e nada foi alterado. Tente de novo daqui a pouco.",
  },
} satisfies Record<Locale, unknown>;

function respond(config: Config, request: Request, locale: Locale, page: Page): Response {
  const { brand } = config;
  const name = escapeHtml(brand.name);
  return respondWithPage(
    request,
    {
      lang: locale,
      title: `${page.title} · ${brand.name}`,
      icon: `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><rect width='8' height='8' rx='2' fill='${brand.color}'/></svg>`,
      styles: ["brand.css", "pages.css"],
      scripts: page.scripts,
      body: `
    <header>${logo(config) ?? `<span class="square"></span>${name}`}${logInLink(brand, locale)}</header>
    <main>${page.main}</main>
    ${help(brand, locale)}
  `,
    },
    {
      status: page.status ?? 200,
      headers: page.headers ?? {},
      policy: { "form-action": "'self'" },
    },
  );
}

/** The logo, if our own host serves it. Another host would learn who opened a link, and when. */
function logo({ brand, publicUrl }: Config): string | null {
  if (brand.logoUrl === null || new URL(brand.logoUrl).origin !== new URL(publicUrl).origin) return null;
  return `<img src="${escapeHtml(new URL(brand.logoUrl).pathname)}" alt="${escapeHtml(brand.name)}">`;
}

/** The link onward, shown on every page. */
const logInLink = ({ appUrl }: Brand, locale: Locale): string =>
  appUrl === null ? "" : `<a class="log-in" href="${escapeHtml(appUrl)}">${NEXT[locale].logIn}</a>`;

/** The link for a person who is done: to the application, or to the front page where none is configured. */
export const nextStep = ({ appUrl }: Brand, locale: Locale, root: string): string =>
  appUrl === null
    ? `<p class="aside"><a href="${root}">${NEXT[locale].start}</a></p>`
    : `<p class="next"><a class="button" href="${escapeHtml(appUrl)}">${NEXT[locale].logIn}</a></p>`;

const NEXT: Record<Locale, { readonly logIn: string; readonly start: string }> = {
  en: { logIn: "Log in", start: "Go to the start page" },
  "pt-BR": { logIn: "Entrar", start: "Ir para a página inicial" },
};

function help({ supportAddress }: Brand, locale: Locale): string {
  if (supportAddress === null) return "";
  const address = escapeHtml(supportAddress);
  return `<footer>${HELP[locale]} <a href="mailto:${address}">${address}</a></footer>`;
}

const HELP: Record<Locale, string> = {
  en: "Questions? Write to",
  "pt-BR": "Dúvidas? Escreva para",
};

/** What the script says while a form is on its way, and when no answer came. */
export const formWords = (locale: Locale): string =>
  `data-busy="${SENDING[locale].busy}" data-unreachable="${SENDING[locale].unreachable}"`;

const SENDING: Record<Locale, { readonly busy: string; readonly unreachable: string }> = {
  en: {
    busy: "One moment…",
    unreachable: "We can't reach the server. Check your connection and try again.",
  },
  "pt-BR": {
    busy: "Um momento…",
    unreachable: "Não foi possível conectar ao servidor. Verifique sua conexão e tente de novo.",
  },
};

/** The one value of a query's or a form's field; one that came twice, or not at all, is empty. */
export function fieldOf(fields: unknown, name: string): string {
  if (typeof fields !== "object" || fields === null || !Object.hasOwn(fields, name)) return "";
  const value: unknown = Reflect.get(fields, name);
  return typeof value === "string" ? value : "";
}

const pause = (seconds: number, locale: Locale): string =>
  seconds < 60 ? duration("second", seconds, locale) : duration("minute", Math.ceil(seconds / 60), locale);

/** "10 minutes", "10 minutos". */
export const duration = (unit: "second" | "minute", count: number, locale: Locale): string =>
  new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(count);

const icon = (tone: "good" | "calm", paths: string): string =>
  `<svg class="icon ${tone}" viewBox="0 0 24 24" aria-hidden="true">${paths}</svg>`;

export const ICONS = {
  done: icon("good", '<path d="m5 12.5 4.5 4.5L19 7.5"/>'),
  email: icon("calm", '<rect x="3.5" y="5.5" width="17" height="13" rx="2.5"/><path d="m4 7.5 8 6 8-6"/>'),
  expired: icon("calm", '<circle cx="12" cy="12" r="8"/><path d="M12 7.5V12l3 2"/>'),
  frozen: icon("calm", '<rect x="5" y="10.5" width="14" height="9" rx="2.5"/><path d="M8 10.5V8a4 4 0 0 1 8 0v2.5"/>'),
  warning: icon("calm", '<path d="M12 6.5v7M12 17.2v.1"/>'),
};
