/** Every state of the reset page, as markup. */
import type { TokenHolder } from "../../accounts/one-time-tokens.ts";
import type { Config } from "../../config.ts";
import type { Weakness } from "../../errors.ts";
import type { Locale, Purpose } from "../../mail/kinds.ts";
import { escapeHtml as e } from "../document.ts";
import { duration, formWords, ICONS, nextStep, type Page, PAGE_SCRIPT } from "./page.ts";
import { WORDS } from "./reset.words.ts";

/** @param root the relative address of the API's root. */
export function resetViews(config: Config, locale: Locale, root: string) {
  const words = WORDS[locale];
  const min = config.passwordMinLength;
  const action = `${root}reset_password`;

  /** A form's field with what is wrong with it. The slot is always there: a live region must not come with its words. */
  const field = (name: string, label: string, error: string, attributes: string, more = "") => `
    <div class="field">
      <label for="${name}">${label}</label>
      <input id="${name}" name="${name}" required ${attributes} aria-invalid="${error !== ""}"
        aria-describedby="${name}-error${more ? ` ${name}-hint` : ""}"${error ? " autofocus" : ""}>
      <p class="error" id="${name}-error" aria-live="polite">${e(error)}</p>
      ${more}
    </div>`;

  const passwordField = (name: string, label: string, error: string, more: string) =>
    field(
      name,
      label,
      error,
      `type="password" autocomplete="new-password" minlength="${min}" passwordrules="minlength: ${min};"
        autocapitalize="none" spellcheck="false"`,
      more,
    );

  /** The script says before a rule whether it is met, for screen readers. */
  const rule = (id: string, text: string): string => `<li id="${id}"><span class="unseen"></span>${text}</li>`;

  const askForm = (said: { title: string; lead: string; submit: string }, badAddress: string | null): string => `
    <h1 tabindex="-1">${said.title}</h1>
    <p class="lead">${said.lead}</p>
    <form id="ask" method="post" action="${action}" ${formWords(locale)}>
      <input type="hidden" name="form" value="ask">
      <p class="notice" role="alert" tabindex="-1"></p>
      ${field(
        "email",
        words.address,
        badAddress === null ? "" : words.badAddress,
        `type="email" autocomplete="email" inputmode="email" spellcheck="false" value="${e(badAddress ?? "")}"`,
      )}
      <button>${said.submit}</button>
    </form>`;

  return {
    /** @param fault what was refused, with the token still good. */
    choose(
      { user, purpose }: TokenHolder,
      token: string,
      fault: { readonly weakness?: Weakness; readonly differ?: true } = {},
    ): Page {
      // A registration has no username yet. It gets this one unless another account takes it first.
      const username = user.pendingUsername ?? user.username;
      const said = words.choose[purpose === "invitation" ? "invitation" : "reset"];
      const weak = fault.weakness ? words.weak(fault.weakness, min) : "";
      const live = JSON.stringify({
        min,
        own: [username, ...username.split("-"), config.brand.name],
        words: { ...words.live, count: words.live.count(min), countOthers: words.live.countOthers(min) },
      });
      const rules = `
        <div id="password-hint">
          <div class="meter scripted" id="meter" data-strength="0" aria-hidden="true"><i></i><i></i><i></i><i></i></div>
          <p class="strength scripted" id="strength" aria-hidden="true"></p>
          <ul class="rules">
            ${rule("rule-length", words.rules.length(min))}
            ${rule("rule-variety", words.rules.variety)}
            ${rule("rule-own", words.rules.own)}
          </ul>
        </div>`;
      return {
        title: said.title,
        scripts: ["reset.js"],
        status: fault.differ ? 400 : fault.weakness ? 422 : 200,
        main: `
          <h1 tabindex="-1">${said.title}</h1>
          <p class="lead">${said.leadHtml(e(username), e(config.brand.name))}</p>
          <form id="choose" method="post" action="${action}" data-live="${e(live)}" ${formWords(locale)}>
            <p class="notice" role="alert" tabindex="-1"></p>
            <input type="hidden" name="pwd_reset_token" value="${e(token)}" autocomplete="off">
            <input name="username" value="${e(username)}" autocomplete="username" readonly hidden>
            ${passwordField("password", said.password, weak, rules)}
            ${passwordField("password_confirm", said.repeat, fault.differ ? words.differ : "", `<p class="match" id="password_confirm-hint"></p>`)}
            <label class="show scripted"><input type="checkbox" id="show">${words.show}</label>
            <button>${said.submit}</button>
            <p class="unseen" id="announcement" role="status"></p>
          </form>
          <p class="aside">${words.advice}</p>`,
      };
    },

    /** @param username as it is now. */
    done(purpose: Purpose, username: string): Page {
      const { done } = words.choose[purpose === "invitation" ? "invitation" : "reset"];
      return {
        title: done.title,
        scripts: [PAGE_SCRIPT],
        main: `${ICONS.done}
          <h1 tabindex="-1">${done.title}</h1>
          <p class="lead">${done.leadHtml(e(username))}</p>
          <p class="aside">${done.aside}</p>
          ${nextStep(config.brand, locale, root)}`,
      };
    },

    ask: (fault: { readonly badAddress?: string } = {}): Page => ({
      title: words.ask.title,
      scripts: [PAGE_SCRIPT],
      status: fault.badAddress === undefined ? 200 : 422,
      main: askForm(words.ask, fault.badAddress ?? null),
    }),

    /** One page for every token that is not good (R27). */
    dead: (status = 200): Page => ({
      title: words.dead.title,
      scripts: [PAGE_SCRIPT],
      status,
      main: ICONS.expired + askForm(words.dead, null),
    }),

    asked(): Page {
      const lifetime = duration("minute", config.resetTokenMinutes, locale);
      return {
        title: words.asked.title,
        scripts: [PAGE_SCRIPT],
        main: `${ICONS.email}
          <h1 tabindex="-1">${words.asked.title}</h1>
          <p class="lead">${words.asked.lead}</p>
          <p class="aside">${words.asked.hint(lifetime)} <a href="${action}">${words.asked.again}</a>.</p>`,
      };
    },
  };
}
