/**
 * The pages behind the links that confirm an address or freeze an account: one sentence and one button. The link
 * itself does nothing, since mail scanners open links (R24); the button posts.
 */
import { Elysia } from "elysia";
import { freezeAccount } from "../../accounts/account-freeze.ts";
import type { RequestContext } from "../../accounts/caller.ts";
import type { Deps } from "../../accounts/deps.ts";
import { confirmEmail } from "../../accounts/email-confirmation.ts";
import { peekToken } from "../../accounts/one-time-tokens.ts";
import { Conflict, Forbidden } from "../../errors.ts";
import { page as route } from "../../http/operation.ts";
import { requestContext } from "../../http/request-context.ts";
import type { Locale } from "../../mail/kinds.ts";
import { type LinkPurpose, WORDS } from "./link-pages.words.ts";
import { escapeHtml as e, rootOf } from "../document.ts";
import { answerWithPage, fieldOf, formWords, ICONS, type Page, PAGE_SCRIPT, refusalOfForeign } from "./page.ts";

interface LinkPage {
  readonly path: string;
  readonly purposes: readonly LinkPurpose[];
  /** @returns the username, which a registration gets only here. */
  readonly act: (deps: Deps, token: string, context: RequestContext) => Promise<string | null>;
}

const CONFIRM_EMAIL: LinkPage = {
  path: "/confirm_email",
  purposes: ["email_verification", "email_change"],
  act: async (deps, token, context) => (await confirmEmail(deps, token, context)).username,
};

const FREEZE_ACCOUNT: LinkPage = {
  path: "/freeze_account",
  purposes: ["account_freeze"],
  act: async (deps, token, context) => {
    await freezeAccount(deps, token, context);
    return null;
  },
};

export const linkPages = (deps: Deps) =>
  new Elysia({ name: "link-pages" }).use(linkPage(deps, CONFIRM_EMAIL)).use(linkPage(deps, FREEZE_ACCOUNT));

const linkPage = (deps: Deps, page: LinkPage) =>
  new Elysia()
    .use(requestContext(deps.config.trustProxy))
    .get(
      page.path,
      ({ query, request, context }) =>
        answerWithPage(deps, request, context, () => open(deps, page, query, request, context)),
      { detail: route({ access: "public", limit: "page" }) },
    )
    .post(
      page.path,
      ({ body, request, context }) =>
        answerWithPage(deps, request, context, async () => {
          return refusalOfForeign(request, context.locale) ?? (await act(deps, page, body, context));
        }),
      { detail: route({ access: "public", limit: "link", body: "form" }) },
    );

async function open(
  deps: Deps,
  { path, purposes }: LinkPage,
  query: unknown,
  request: Request,
  { locale }: RequestContext,
): Promise<Page> {
  const token = fieldOf(query, "token");
  const holder = await peekToken(deps.db.orm, token, purposes);
  if (!holder) return deadPage(locale, 200);
  const words = WORDS[locale][holder.purpose as LinkPurpose];
  const username = e(holder.user.pendingUsername ?? holder.user.username);
  return {
    title: words.title,
    scripts: [PAGE_SCRIPT],
    main: `
      <h1 tabindex="-1">${words.title}</h1>
      <p class="lead">${words.leadHtml(username, e(deps.config.brand.name))}</p>
      <form id="act" method="post" action="${rootOf(request)}${path.slice(1)}" ${formWords(locale)}>
        <p class="notice" role="alert" tabindex="-1"></p>
        <input type="hidden" name="token" value="${e(token)}" autocomplete="off">
        <button>${words.submit}</button>
      </form>
      <p class="aside">${words.aside}</p>`,
  };
}

async function act(deps: Deps, page: LinkPage, form: unknown, context: RequestContext): Promise<Page> {
  const { locale } = context;
  const token = fieldOf(form, "token");
  const holder = await peekToken(deps.db.orm, token, page.purposes);
  if (!holder) return deadPage(locale, 403);
  try {
    const username = (await page.act(deps, token, context)) ?? holder.user.username;
    const { done } = WORDS[locale][holder.purpose as LinkPurpose];
    return {
      title: done.title,
      scripts: [PAGE_SCRIPT],
      main: `${holder.purpose === "account_freeze" ? ICONS.frozen : ICONS.done}
        <h1 tabindex="-1">${done.title}</h1>
        <p class="lead">${done.leadHtml(e(username))}</p>`,
    };
  } catch (error) {
    if (error instanceof Conflict) {
      return sorry(error.type === "last-superuser" ? WORDS[locale].lastSuperuser : WORDS[locale].taken, 409);
    }
    // Used up or revoked since we looked.
    if (error instanceof Forbidden) return deadPage(locale, 403);
    throw error;
  }
}

/** One page for every token that is not good (R27). */
const deadPage = (locale: Locale, status: number): Page => sorry(WORDS[locale].dead, status);

const sorry = ({ title, lead }: { title: string; lead: string }, status: number): Page => ({
  title,
  status,
  scripts: [PAGE_SCRIPT],
  main: `${ICONS.expired}<h1 tabindex="-1">${title}</h1><p class="lead">${lead}</p>`,
});
