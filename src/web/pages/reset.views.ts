/** Every state of the reset page, as markup. */
import type { TokenHolder } from "../../accounts/one-time-tokens.ts";
import type { Config } from "../../config.ts";
import type { Locale, Purpose } from "../../mail/kinds.ts";
import { escapeHtml as e } from "../document.ts";
import { duration, formWords, ICONS, nextStep, type Page, PAGE_SCRIPT } from "./page.ts";
import { liveData, passwordFields, type PasswordFault, textField } from "./password-fields.ts";
import { WORDS } from "./reset.words.ts";

/** @param root the relative address of the API's root. */
export function resetViews(config: Config, locale: Locale, root: string) {
  const words = WORDS[locale];
  const action = `${root}reset_password`;

  const askForm = (said: { title: string; lead: string; submit: string }, badAddress: string | null): string => `
    <h1 tabindex="-1">${said.title}</h1>
    <p class="lead">${said.lead}</p>
    <form id="ask" method="post" action="${action}" ${formWords(locale)}>
      <input type="hidden" name="form" value="ask">
      <p class="notice" role="alert" tabindex="-1"></p>
      ${textField(
        "email",
        words.address,
        badAddress === null ? "" : words.badAddress,
        `required type="email" autocomplete="email" inputmode="email" spellcheck="false" value="${e(badAddress ?? "")}"`,
      )}
      <button>${said.submit}</button>
    </form>`;

  return {
    /** @param fault what was refused, with the token still good. */
    choose({ user: { username }, purpose }: TokenHolder, token: string, fault: PasswordFault = {}): Page {
      const said = words.choose[purpose === "invitation" ? "invitation" : "reset"];
      return {
        title: said.title,
        scripts: ["reset.js"],
        status: fault.differ ? 400 : fault.weakness ? 422 : 200,
        main: `
          <h1 tabindex="-1">${said.title}</h1>
          <p class="lead">${said.leadHtml(e(username), e(config.brand.name))}</p>
          <form id="choose" method="post" action="${action}" ${liveData(config, locale, [username, ...username.split("-")])}>
            <p class="notice" role="alert" tabindex="-1"></p>
            <input type="hidden" name="pwd_reset_token" value="${e(token)}" autocomplete="off">
            <input name="username" value="${e(username)}" autocomplete="username" readonly hidden>
            ${passwordFields(config, locale, said, fault)}
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
