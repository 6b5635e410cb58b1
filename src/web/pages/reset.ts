/**
 * The page behind an email's link: a new password after a reset, the first password after an invitation. It works as a
 * plain form. Its script only saves a reload and counts characters while they are typed. Opening it changes nothing
 * (R24).
 */
import { Elysia } from "elysia";
import { normaliseAddress } from "../../addresses.ts";
import type { RequestContext } from "../../accounts/caller.ts";
import type { Deps } from "../../accounts/deps.ts";
import { peekToken } from "../../accounts/one-time-tokens.ts";
import { PASSWORD_PURPOSES, resetPassword } from "../../accounts/password-change.ts";
import { requestPasswordReset } from "../../accounts/password-reset.ts";
import { Forbidden, PasswordsDiffer, WeakPassword } from "../../errors.ts";
import { page } from "../../http/operation.ts";
import { requestContext } from "../../http/request-context.ts";
import { rootOf } from "../document.ts";
import { answerWithPage, fieldOf, type Page } from "./page.ts";
import { resetViews } from "./reset.views.ts";

const PATH = "/reset_password";

export const resetPages = (deps: Deps) =>
  new Elysia({ name: "reset-page" })
    .use(requestContext(deps.config))
    .get(
      PATH,
      ({ query, request, context }) =>
        answerWithPage(deps, request, context, () => open(deps, viewsFor(deps, request, context), query)),
      { detail: page({ access: "public", limit: "page" }) },
    )
    .post(
      PATH,
      ({ body, request, context }) =>
        answerWithPage(deps, request, context, async () => {
          const submit = fieldOf(body, "form") === "ask" ? ask : choose;
          return await submit(deps, viewsFor(deps, request, context), body, context);
        }),
      { detail: page({ access: "public", limit: "reset", body: "form" }) },
    );

type Views = ReturnType<typeof resetViews>;

const viewsFor = ({ config }: Deps, request: Request, { locale }: RequestContext): Views =>
  resetViews(config, locale, rootOf(request));

async function open(deps: Deps, views: Views, query: unknown): Promise<Page> {
  const token = fieldOf(query, "pwd_reset_token");
  if (token === "") return views.ask();
  const holder = await peekToken(deps, token, PASSWORD_PURPOSES);
  return holder ? views.choose(holder, token) : views.dead();
}

/** A refused password leaves the token unused; the form comes back with the reason (R25). */
async function choose(deps: Deps, views: Views, form: unknown, context: RequestContext): Promise<Page> {
  const token = fieldOf(form, "pwd_reset_token");
  const holder = await peekToken(deps, token, PASSWORD_PURPOSES);
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

/** The same answer whether or not there is an account (R1). */
async function ask(deps: Deps, views: Views, form: unknown, context: RequestContext): Promise<Page> {
  const typed = fieldOf(form, "email");
  const email = normaliseAddress(typed);
  if (!email) return views.ask({ badAddress: typed });
  await requestPasswordReset(deps, email, context);
  return views.asked();
}
