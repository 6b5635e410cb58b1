/**
 * The page behind a letter's link: a new password after a reset mail, the first one after an invitation. It works as
 * a plain form; its script only spares a reload and counts as one types. Opening it changes nothing (R24).
 */
import { Elysia } from "elysia";
import { normaliseAddress } from "../accounts/addresses.ts";
import type { RequestContext } from "../accounts/caller.ts";
import type { Deps } from "../accounts/deps.ts";
import { peekToken } from "../accounts/one-time-tokens.ts";
import { PASSWORD_PURPOSES, resetPassword } from "../accounts/password-change.ts";
import { requestPasswordReset } from "../accounts/password-reset.ts";
import { Forbidden, PasswordsDiffer, WeakPassword } from "../errors.ts";
import { requestContext } from "../http/request-context.ts";
import { pageFiles } from "./page.files.ts";
import { answerWithPage, fieldOf, type Page, refusalOfForeign } from "./page.ts";
import { resetViews } from "./reset.views.ts";

const PATH = "/reset_password";

export const resetPages = (deps: Deps) =>
  new Elysia({ name: "reset-page", detail: { hide: true } })
    .use(requestContext(deps.config.trustProxy))
    .use(pageFiles(deps.config))
    .get(PATH, ({ query, context }) => answerWithPage(deps, context, () => open(deps, query, context)))
    .post(
      PATH,
      ({ body, request, context }) =>
        answerWithPage(deps, context, async () => {
          const refusal = refusalOfForeign(request, context.locale);
          if (refusal) return refusal;
          return fieldOf(body, "form") === "ask" ? await ask(deps, body, context) : await choose(deps, body, context);
        }),
      { parse: "urlencoded" },
    );

async function open(deps: Deps, query: unknown, context: RequestContext): Promise<Page> {
  const views = resetViews(deps.config, context.locale);
  const token = fieldOf(query, "pwd_reset_token");
  if (token === "") return views.ask();
  const holder = await peekToken(deps.db.orm, token, PASSWORD_PURPOSES);
  return holder ? views.choose(holder, token) : views.dead();
}

/** Refused words leave the token as it is, and come back with the form (R25). */
async function choose(deps: Deps, form: unknown, context: RequestContext): Promise<Page> {
  const views = resetViews(deps.config, context.locale);
  const token = fieldOf(form, "pwd_reset_token");
  const holder = await peekToken(deps.db.orm, token, PASSWORD_PURPOSES);
  if (!holder) return views.dead(403);
  const input = { password: fieldOf(form, "password"), passwordConfirm: fieldOf(form, "password_confirm") };
  try {
    const account = await resetPassword(deps, token, null, input, context);
    return views.done(holder.purpose, account.username);
  } catch (error) {
    if (error instanceof PasswordsDiffer) return views.choose(holder, token, { differ: true });
    if (error instanceof WeakPassword) return views.choose(holder, token, { weakness: error.weakness });
    // Used up or revoked since we looked.
    if (error instanceof Forbidden) return views.dead(403);
    throw error;
  }
}

/** The same answer whoever exists (R1). */
async function ask(deps: Deps, form: unknown, context: RequestContext): Promise<Page> {
  const views = resetViews(deps.config, context.locale);
  const typed = fieldOf(form, "email");
  const email = normaliseAddress(typed.trim());
  if (!email) return views.ask({ badAddress: typed });
  await requestPasswordReset(deps, email, context);
  return views.asked();
}
