/**
 * The page behind a registration's link: it asks for everything that the account will have. No field is filled in
 * beforehand, because the request may have come from a stranger. Opening the page changes nothing (R24).
 */
import { Elysia } from "elysia";
import type { RequestContext } from "../../accounts/caller.ts";
import type { Deps } from "../../accounts/deps.ts";
import { peekRegistration } from "../../accounts/one-time-tokens.ts";
import { completeRegistration } from "../../accounts/registration.ts";
import { findUsedLink } from "../../accounts/used-links.ts";
import { Conflict, Forbidden, InvalidInput, PasswordsDiffer, WeakPassword } from "../../errors.ts";
import { page as route } from "../../http/operation.ts";
import { requestContext } from "../../http/request-context.ts";
import { isName } from "../../http/schemas.ts";
import type { Locale } from "../../mail/kinds.ts";
import { escapeHtml as e, rootOf } from "../document.ts";
import { answerWithPage, fieldOf, ICONS, nextStep, type Page, PAGE_SCRIPT } from "./page.ts";
import { liveData, passwordFields, type PasswordFault, textField } from "./password-fields.ts";
import { WORDS } from "./registration.words.ts";
import { WORDS as PASSWORD_WORDS } from "./reset.words.ts";

const PATH = "/complete_registration";

/** Mounted only with `REGISTRATION=on`. */
export const registrationPages = (deps: Deps) =>
  new Elysia({ name: "registration-page" })
    .use(requestContext(deps.config))
    .get(
      PATH,
      ({ query, request, context }) =>
        answerWithPage(deps, request, context, () => open(deps, query, request, context.locale)),
      { detail: route({ access: "public", limit: "page" }) },
    )
    .post(
      PATH,
      ({ body, request, context }) =>
        answerWithPage(deps, request, context, () => complete(deps, body, request, context)),
      { detail: route({ access: "public", limit: "link", body: "form" }) },
    );

async function open(deps: Deps, query: unknown, request: Request, locale: Locale): Promise<Page> {
  const token = fieldOf(query, "token");
  const link = await peekRegistration(deps, token);
  return link
    ? formPage(deps, request, locale, { token, address: link.sentTo })
    : await deadOrDone(deps, token, request, locale, 200);
}

/** A refused field leaves the link unused; the form comes back with the reason and with what was typed, but the passwords. */
async function complete(deps: Deps, form: unknown, request: Request, context: RequestContext): Promise<Page> {
  const { locale } = context;
  const token = fieldOf(form, "token");
  const link = await peekRegistration(deps, token);
  if (!link) return await deadOrDone(deps, token, request, locale, 403);
  const name = fieldOf(form, "name").trim();
  const username = fieldOf(form, "username").trim();
  const words = WORDS[locale];
  const again = (fault: Fault): Page =>
    formPage(deps, request, locale, { token, address: link.sentTo, name, username, fault });
  if (!isName(name)) return again({ name: words.nameError });
  const password = { password: fieldOf(form, "password"), passwordConfirm: fieldOf(form, "password_confirm") };
  try {
    const input = { name, ...(username === "" ? {} : { username }), ...password };
    const account = await completeRegistration(deps, token, input, context);
    const lead = words.done.leadHtml(e(account.username), e(account.email));
    return plainPage(deps, request, locale, ICONS.done, words.done.title, lead, 200);
  } catch (error) {
    if (error instanceof PasswordsDiffer) return again({ differ: true });
    if (error instanceof WeakPassword) return again({ weakness: error.weakness });
    if (error instanceof InvalidInput) {
      return again({ username: username === "" ? words.noUsernameOfName : words.usernameInvalid });
    }
    if (error instanceof Conflict && error.type === "username-taken") {
      return again({ username: words.usernameTaken(username), taken: true });
    }
    if (error instanceof Conflict) {
      return plainPage(deps, request, locale, ICONS.expired, words.taken.title, words.taken.lead, 409);
    }
    // Used up or ended since it was looked up.
    if (error instanceof Forbidden) return await deadOrDone(deps, token, request, locale, 403);
    throw error;
  }
}

interface Fault extends PasswordFault {
  readonly name?: string;
  readonly username?: string;
  readonly taken?: true;
}

interface Typed {
  readonly token: string;
  readonly address: string;
  readonly name?: string;
  readonly username?: string;
  readonly fault?: Fault;
}

function formPage(
  { config }: Deps,
  request: Request,
  locale: Locale,
  { token, address, name = "", username = "", fault = {} }: Typed,
): Page {
  const words = WORDS[locale];
  const hint = `<p class="hint" id="username-hint">${words.usernameHint}</p>`;
  const asUsername = `maxlength="64" autocomplete="username" autocapitalize="none" spellcheck="false"`;
  return {
    title: words.title,
    scripts: ["reset.js"],
    status: fault.differ ? 400 : fault.taken ? 409 : Object.keys(fault).length > 0 ? 422 : 200,
    main: `
      <h1 tabindex="-1">${words.title}</h1>
      <p class="lead">${words.leadHtml(e(address), e(config.brand.name))}</p>
      <form id="choose" method="post" action="${rootOf(request)}${PATH.slice(1)}"
        ${liveData(config, locale, address.slice(0, address.lastIndexOf("@")).split(/[^a-z0-9]+/))}>
        <p class="notice" role="alert" tabindex="-1"></p>
        <input type="hidden" name="token" value="${e(token)}" autocomplete="off">
        ${textField("name", words.name, fault.name ?? "", `required maxlength="100" autocomplete="name" value="${e(name)}"`)}
        ${textField("username", words.username, fault.username ?? "", `${asUsername} value="${e(username)}"`, hint)}
        ${passwordFields(config, locale, words, fault)}
        <button>${words.submit}</button>
        <p class="unseen" id="announcement" role="status"></p>
      </form>
      <p class="aside">${PASSWORD_WORDS[locale].advice}</p>
      <p class="aside">${words.aside}</p>`,
  };
}

/** For a link that is opened again after it has created the account, and one page for every other link (R27). */
async function deadOrDone(deps: Deps, token: string, request: Request, locale: Locale, status: number): Promise<Page> {
  const words = WORDS[locale];
  const used = await findUsedLink(deps, token, ["registration"]);
  if (!used) return plainPage(deps, request, locale, ICONS.expired, words.dead.title, words.dead.lead, status);
  const lead = words.already.leadHtml(e(used.user.username), e(used.sentTo));
  return plainPage(deps, request, locale, ICONS.done, words.already.title, lead, 200);
}

/** @param icon markup. @param lead markup. */
const plainPage = (
  { config }: Deps,
  request: Request,
  locale: Locale,
  icon: string,
  title: string,
  lead: string,
  status: number,
): Page => ({
  title,
  status,
  scripts: [PAGE_SCRIPT],
  main: `${icon}<h1 tabindex="-1">${title}</h1><p class="lead">${lead}</p>${nextStep(config.brand, locale, rootOf(request))}`,
});
