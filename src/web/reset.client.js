/** Rules and strength, shown as one types. Nothing here forbids anything: the server judges, and says why. */
import { setError } from "./pages.client.js";

const NEWS_PAUSE_MILLISECONDS = 900;

const byId = (id) => document.getElementById(id);
const password = byId("password");
const repeat = byId("password_confirm");
const { min, own, words } = JSON.parse(byId("choose").dataset.live);
let newsTimer = 0;

for (const input of [password, repeat]) {
  input.addEventListener("input", () => {
    judge();
    tell(byId(input === repeat ? "password_confirm-hint" : "strength").textContent);
  });
}
byId("show").addEventListener("input", ({ target }) => {
  for (const input of [password, repeat]) input.type = target.checked ? "text" : "password";
});
// The browser may have filled the fields in.
judge();

function judge() {
  const typed = password.value.normalize("NFC");
  const rest = withoutWords(typed, own);
  // Code points, as the server counts: an emoji is one character.
  const count = [...rest].length;
  const enough = count >= min;
  const various = new Set(rest).size >= 5;
  byId("rule-length").toggleAttribute("data-met", enough);
  byId("rule-variety").toggleAttribute("data-met", various);
  byId("rule-own").toggleAttribute("data-broken", !enough && rest.length < typed.length);

  const level = typed === "" ? 0 : enough && various ? strengthOf(rest) : 1;
  byId("meter").dataset.strength = level;
  const said = enough ? `${words.enough}: ${words.strength[level - 1]}` : words.count;
  byId("strength").textContent = said.replace("#", count);

  const repeated = repeat.value.normalize("NFC");
  const same = repeated === typed;
  // As long as it may still become the same there is nothing to say.
  const differs = !typed.startsWith(repeated);
  const match = byId("password_confirm-hint");
  match.textContent = repeated === "" ? "" : same ? words.same : differs ? words.differ : "";
  match.toggleAttribute("data-met", same);
  if (same) setError(byId("password_confirm-error"), "");
}

/** For who listens, when the typing pauses. */
function tell(news) {
  clearTimeout(newsTimer);
  newsTimer = setTimeout(() => byId("news")?.replaceChildren(news), NEWS_PAUSE_MILLISECONDS);
}

/** Words of the account do not count, and of those the page knows the username's and the brand's. */
function withoutWords(password, words) {
  const longestFirst = words.filter((word) => word.length >= 3).toSorted((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, word) => rest.replaceAll(word.toLowerCase(), ""), password.toLowerCase());
}

/**
 * From 1 (too easy to guess) to 4 (strong), by the number of characters that those before them do not give away: runs
 * ("aaaa", "1234", "fedc") and pairs that were there already ("abcabc") do not count. A hint, not a rule.
 */
function strengthOf(password) {
  const points = [...password].map((character) => character.codePointAt(0));
  const pairs = new Set();
  let surprises = 0;
  for (const [at, point] of points.entries()) {
    const step = point - points[at - 1];
    const run = Math.abs(step) <= 1 && step === points[at - 1] - points[at - 2];
    const pair = `${points[at - 1]} ${point}`;
    if (!run && !pairs.has(pair)) surprises += 1;
    pairs.add(pair);
  }
  return surprises < 8 ? 1 : surprises < 12 ? 2 : surprises < 18 ? 3 : 4;
}
