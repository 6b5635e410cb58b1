/** Shows rules and strength while a password is typed. Nothing here forbids a password: the server decides. */
import { setError } from "./page.ts";
import { strengthOf } from "./strength.ts";

/** What the form's `data-live` holds, which `pages/reset.views.ts` writes. */
interface Live {
  readonly min: number;
  /** Words of the account, which do not count. */
  readonly own: readonly string[];
  readonly words: {
    readonly count: string;
    /** Where words of the account are not counted. */
    readonly countOthers: string;
    readonly enough: string;
    readonly strength: readonly string[];
    readonly same: string;
    readonly differ: string;
    readonly met: string;
    readonly unmet: string;
  };
}

const ANNOUNCE_AFTER_MILLISECONDS = 900;

const password = inputById("password");
const repeat = inputById("password_confirm");
const { min, own, words } = JSON.parse(byId("choose").dataset["live"] ?? "") as Live;
let announcement = 0;

password.addEventListener("input", () => {
  judge();
  announce([byId("strength").textContent, ...unmetRules()].join(" "));
});
repeat.addEventListener("input", () => {
  judge();
  announce(byId("password_confirm-hint").textContent);
});
const show = inputById("show");
show.addEventListener("input", () => {
  for (const input of [password, repeat]) input.type = show.checked ? "text" : "password";
});
// The browser may have filled the fields in.
judge();

function judge(): void {
  const typed = password.value.normalize("NFC");
  const rest = withoutWords(typed, own);
  // Code points, as the server counts: an emoji is one character.
  const count = [...rest].length;
  const enough = count >= min;
  const various = new Set(rest).size >= 5;
  const isOwn = !enough && rest.length < typed.length;
  showRule("rule-length", enough);
  showRule("rule-variety", various);
  showRule("rule-own", typed !== "" && !isOwn);
  byId("rule-own").toggleAttribute("data-broken", isOwn);

  const level = typed === "" ? 0 : enough && various ? strengthOf(rest) : 1;
  byId("meter").dataset["strength"] = String(level);
  const short = isOwn ? words.countOthers : words.count;
  const said = enough ? `${words.enough}: ${words.strength[level - 1]}` : short;
  byId("strength").textContent = said.replace("#", String(count));

  const repeated = repeat.value.normalize("NFC");
  const same = repeated === typed;
  // Nothing is said while the repeated password may still become the same.
  const differs = !typed.startsWith(repeated);
  const match = byId("password_confirm-hint");
  match.textContent = repeated === "" ? "" : same ? words.same : differs ? words.differ : "";
  match.toggleAttribute("data-met", same);
  if (same) setError(byId("password_confirm-error"), "");
}

function showRule(id: string, met: boolean): void {
  const rule = byId(id);
  rule.toggleAttribute("data-met", met);
  rule.querySelector(".unseen")?.replaceChildren(`${met ? words.met : words.unmet} `);
}

const unmetRules = (): (string | null)[] =>
  [...document.querySelectorAll(".rules li:not([data-met])")].map((rule) => rule.textContent);

/** Announces a text to screen readers when the typing pauses. */
function announce(text: string | null): void {
  clearTimeout(announcement);
  announcement = window.setTimeout(() => {
    document.getElementById("announcement")?.replaceChildren(text ?? "");
  }, ANNOUNCE_AFTER_MILLISECONDS);
}

/** Words of the account do not count; the page knows its username and the brand's name. */
function withoutWords(typed: string, ownWords: readonly string[]): string {
  const longestFirst = ownWords.filter((word) => word.length >= 3).toSorted((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, word) => rest.replaceAll(word.toLowerCase(), ""), typed.toLowerCase());
}

function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}.`);
  return element;
}

function inputById(id: string): HTMLInputElement {
  return byId(id) as HTMLInputElement;
}
