/**
 * The pages behind the links that confirm an address or freeze an account: one sentence and one button. Opening the link
 * changes nothing, because mail scanners open links (R24); the button posts.
 */
import { Elysia } from "elysia";
import { freezeAccount } from "../../accounts/account-freeze.ts";
import type { RequestContext } from "../../accounts/caller.ts";
import type { Deps } from "../../accounts/deps.ts";
import { confirmEmail } from "../../accounts/email-confirmation.ts";
import { peekToken, type TokenHolder } from "../../accounts/one-time-tokens.ts";
import { findUsedLink } from "../../accounts/used-links.ts";
import type { Brand } from "../../config.ts";
import { Conflict, Forbidden } from "../../errors.ts";
import { page as route } from "../../http/operation.ts";
import { requestContext } from "../../http/request-context.ts";
import type { Locale } from "../../mail/kinds.ts";
import { CONTACT, type LinkPurpose, type LinkSubject, type SorryWords, WORDS } from "./link-pages.words.ts";
import { escapeHtml as e, rootOf } from "../document.ts";
import { answerWithPage, fieldOf, formWords, ICONS, nextStep, type Page, PAGE_SCRIPT } from "./page.ts";

interface LinkPage {
  readonly path: string;
  readonly purposes: readonly LinkPurpose[];
  readonly act: (deps: Deps, token: string, context: RequestContext) => Promise<unknown>;
}

const CONFIRM_EMAIL: LinkPage = {
  path: "/confirm_email",
  purposes: ["email_verification", "email_change"],
  act: confirmEmail,
};

const FREEZE_ACCOUNT: LinkPage = {
  path: "/freeze_account",
  purposes: ["account_freeze"],
  act: freezeAccount,
};

export const linkPages = (deps: Deps) =>
  new Elysia({ name: "link-pages" }).use(linkPage(deps, CONFIRM_EMAIL)).use(linkPage(deps, FREEZE_ACCOUNT));

const linkPage = (deps: Deps, page: LinkPage) =>
  new Elysia()
    .use(requestContext(deps.config))
    .get(
      page.path,
      ({ query, request, context }) =>
        answerWithPage(deps, request, context, () => open(deps, page, query, request, context)),
      { detail: route({ access: "public", limit: "page" }) },
    )
    .post(
      page.path,
      ({ body, request, context }) =>
        answerWithPage(deps, request, context, () => act(deps, page, body, request, context)),
      { detail: route({ access: "public", limit: "link", body: "form" }) },
    );

async function open(
  deps: Deps,
  page: LinkPage,
  query: unknown,
  request: Request,
  { locale }: RequestContext,
): Promise<Page> {
  const token = fieldOf(query, "token");
  const holder = await peekToken(deps, token, page.purposes);
  if (!holder) return (await alreadyDone(deps, page, token, request, locale)) ?? deadPage(deps, request, locale, 200);
  const { title, leadHtml, submit, aside } = wordsFor(holder, locale);
  return {
    title,
    scripts: [PAGE_SCRIPT],
    main: `
      <h1 tabindex="-1">${title}</h1>
      <p class="lead">${leadHtml(subjectOf(deps, holder))}</p>
      <form id="act" method="post" action="${rootOf(request)}${page.path.slice(1)}" ${formWords(locale)}>
        <p class="notice" role="alert" tabindex="-1"></p>
        <input type="hidden" name="token" value="${e(token)}" autocomplete="off">
        <button>${submit}</button>
      </form>
      <p class="aside">${aside}</p>`,
  };
}

async function act(
  deps: Deps,
  page: LinkPage,
  form: unknown,
  request: Request,
  context: RequestContext,
): Promise<Page> {
  const { locale } = context;
  const token = fieldOf(form, "token");
  const dead = async (): Promise<Page> =>
    (await alreadyDone(deps, page, token, request, locale)) ?? deadPage(deps, request, locale, 403);
  const holder = await peekToken(deps, token, page.purposes);
  if (!holder) return await dead();
  try {
    await page.act(deps, token, context);
    return donePage(deps, holder, subjectOf(deps, holder), "done", request, locale);
  } catch (error) {
    if (error instanceof Conflict) {
      const { lastSuperuser, taken } = WORDS[locale];
      if (error.type !== "last-superuser") return sorry(deps, request, locale, taken, 409);
      const lead = `${lastSuperuser.lead} ${contact(deps.config.brand, locale, "lastSuperuser")}`;
      return sorry(deps, request, locale, { ...lastSuperuser, lead }, 409);
    }
    // Used or revoked since it was looked up.
    if (error instanceof Forbidden) return await dead();
    throw error;
  }
}

/** For a link that is opened again, by a second click for example. Null: the link did nothing that still holds. */
async function alreadyDone(
  deps: Deps,
  { purposes }: LinkPage,
  token: string,
  request: Request,
  locale: Locale,
): Promise<Page | null> {
  const holder = await findUsedLink(deps, token, purposes);
  return holder && donePage(deps, holder, subjectOf(deps, holder), "already", request, locale);
}

function donePage(
  { config: { brand } }: Deps,
  holder: TokenHolder,
  subject: LinkSubject,
  how: "done" | "already",
  request: Request,
  locale: Locale,
): Page {
  const { title, leadHtml } = wordsFor(holder, locale)[how];
  const isFreeze = holder.purpose === "account_freeze";
  return {
    title,
    scripts: [PAGE_SCRIPT],
    main: `${isFreeze ? ICONS.frozen : ICONS.done}
      <h1 tabindex="-1">${title}</h1>
      <p class="lead">${leadHtml(subject)}${isFreeze ? ` ${contact(brand, locale, "frozen")}` : ""}</p>
      ${isFreeze ? "" : nextStep(brand, locale, rootOf(request))}`,
  };
}

const contact = ({ supportAddress }: Brand, locale: Locale, about: "frozen" | "lastSuperuser"): string =>
  CONTACT[locale][about][supportAddress === null ? "ask" : "write"];

const wordsFor = ({ purpose }: TokenHolder, locale: Locale) => WORDS[locale][purpose as LinkPurpose];

const subjectOf = ({ config }: Deps, { user, sentTo }: TokenHolder): LinkSubject => ({
  username: e(user.username),
  address: e(sentTo),
  brand: e(config.brand.name),
});

/** One page for every token that is not good (R27). */
const deadPage = (deps: Deps, request: Request, locale: Locale, status: number): Page =>
  sorry(deps, request, locale, WORDS[locale].dead, status);

function sorry({ config }: Deps, request: Request, locale: Locale, { title, lead }: SorryWords, status: number): Page {
  return {
    title,
    status,
    scripts: [PAGE_SCRIPT],
    main: `${ICONS.expired}<h1 tabindex="-1">${title}</h1><p class="lead">${lead}</p>
      ${nextStep(config.brand, locale, rootOf(request))}`,
  };
}
