/** The part of a form in which a password is chosen, and the data that its script needs (`browser/pages/reset.ts`). */
import type { Config } from "../../config.ts";
import type { Weakness } from "../../errors.ts";
import type { Locale } from "../../mail/kinds.ts";
import { escapeHtml as e } from "../document.ts";
import { formWords } from "./page.ts";
import { WORDS } from "./reset.words.ts";

/**
 * A form's field with what is wrong with it. The slot for the error is always there: a live region must not come with
 * its words.
 * @param attributes markup. @param more markup after the field.
 */
export const textField = (name: string, label: string, error: string, attributes: string, more = ""): string => `
    <div class="field">
      <label for="${name}">${label}</label>
      <input id="${name}" name="${name}" ${attributes} aria-invalid="${error !== ""}"
        aria-describedby="${name}-error${more ? ` ${name}-hint` : ""}"${error ? " autofocus" : ""}>
      <p class="error" id="${name}-error" aria-live="polite">${e(error)}</p>
      ${more}
    </div>`;

export interface PasswordLabels {
  readonly password: string;
  readonly repeat: string;
}

/** What was refused, with the link still good. */
export interface PasswordFault {
  readonly weakness?: Weakness;
  readonly differ?: true;
}

export function passwordFields(config: Config, locale: Locale, labels: PasswordLabels, fault: PasswordFault): string {
  const words = WORDS[locale];
  const min = config.passwordMinLength;
  const weak = fault.weakness ? words.weak(fault.weakness, min) : "";
  /** The script says before a rule whether it is met, for screen readers. */
  const rule = (id: string, text: string): string => `<li id="${id}"><span class="unseen"></span>${text}</li>`;
  const passwordField = (name: string, label: string, error: string, more: string) =>
    textField(
      name,
      label,
      error,
      `required type="password" autocomplete="new-password" minlength="${min}" passwordrules="minlength: ${min};"
        autocapitalize="none" spellcheck="false"`,
      more,
    );
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
  const match = `<p class="match" id="password_confirm-hint"></p>`;
  return `
            ${passwordField("password", labels.password, weak, rules)}
            ${passwordField("password_confirm", labels.repeat, fault.differ ? words.differ : "", match)}
            <label class="show scripted"><input type="checkbox" id="show">${words.show}</label>`;
}

/** Attributes of the form. @param own words of the account, which do not count in a password. */
export function liveData(config: Config, locale: Locale, own: readonly string[]): string {
  const { live } = WORDS[locale];
  const min = config.passwordMinLength;
  const data = JSON.stringify({
    min,
    own: [...own, config.brand.name],
    words: { ...live, count: live.count(min), countOthers: live.countOthers(min) },
  });
  return `data-live="${e(data)}" ${formWords(locale)}`;
}
