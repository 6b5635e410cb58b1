/**
 * What a page behind an email's link gains by a script: the token leaves the address bar, and the server's answer comes
 * in place. What is refused, and the words for it, come from the server.
 */

/** Where this tab keeps the query with the token, so that the page can be reloaded, left and come back to. */
const KEPT_QUERY = `link ${location.pathname}`;

// First of all. From now on the token is in the form's hidden field and in this tab's storage.
restoreOrKeepToken();
document.documentElement.classList.add("scripted");

document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target instanceof HTMLFormElement) void send(event.target);
});
document.addEventListener("input", ({ target }) => {
  const slot = target instanceof Element ? document.getElementById(`${target.id}-error`) : null;
  if (slot?.textContent) setError(slot, "");
});
suppressBrowserMessages();

/** The server's words replace the browser's own validation messages, which have other rules and one language. */
function suppressBrowserMessages(): void {
  for (const form of document.forms) form.noValidate = true;
}

/** The token is kept until it is used, or until the server no longer accepts it. */
function restoreOrKeepToken(): void {
  const { pathname, search } = location;
  if (search === "") {
    const kept = keptQuery();
    if (kept) location.replace(pathname + kept);
    return;
  }
  keepQuery(hasToken(document) ? search : null);
  history.replaceState(null, "", pathname);
}

function hasToken(page: ParentNode): boolean {
  return page.querySelector("input[type=hidden]:is([name=token], [name=pwd_reset_token])") !== null;
}

/** A browser may forbid storage; then a reload forgets the token. */
function keptQuery(): string | null {
  try {
    return sessionStorage.getItem(KEPT_QUERY);
  } catch {
    return null;
  }
}

function keepQuery(query: string | null): void {
  try {
    if (query === null) sessionStorage.removeItem(KEPT_QUERY);
    else sessionStorage.setItem(KEPT_QUERY, query);
  } catch {
    // As above.
  }
}

async function send(form: HTMLFormElement): Promise<void> {
  if (form.ariaBusy === "true") return;
  const button = form.querySelector("button");
  const label = button?.textContent ?? "";
  form.ariaBusy = "true";
  button?.replaceChildren(form.dataset["busy"] ?? label);
  const answer = await post(form);
  form.ariaBusy = "false";
  button?.replaceChildren(label);
  show(form, answer);
}

interface Answer {
  readonly status: number;
  readonly page: Document;
  readonly main: HTMLElement;
}

/** @returns null when there was no answer, or not a page of this server. */
async function post(form: HTMLFormElement): Promise<Answer | null> {
  try {
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string") fields.append(name, value);
    const response = await fetch(form.action, { method: "POST", body: fields });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const main = page.querySelector("main");
    return main && { status: response.status, page, main };
  } catch {
    return null;
  }
}

/** A refusal goes to its place in the form, which keeps what was typed; every other page replaces this one. */
function show(form: HTMLFormElement, answer: Answer | null): void {
  if (!answer) return complain(form, form.dataset["unreachable"] ?? "");
  const { status, page, main } = answer;
  if (status === 429 || status >= 500) return complain(form, main.querySelector(".lead")?.textContent ?? "");
  document.title = page.title;
  if (page.getElementById(form.id)?.querySelector("[aria-invalid=true]")) {
    complain(form, "");
    for (const slot of form.querySelectorAll(".error")) {
      setError(slot, page.getElementById(slot.id)?.textContent ?? "");
    }
    form.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  } else {
    document.querySelector("main")?.replaceWith(main);
    if (!hasToken(main)) keepQuery(null);
    suppressBrowserMessages();
    main.querySelector("h1")?.focus();
    scrollTo(0, 0);
  }
}

function complain(form: HTMLFormElement, words: string): void {
  const notice = form.querySelector<HTMLElement>(".notice");
  notice?.replaceChildren(words);
  if (words) notice?.focus();
}

/** Says what is wrong with a field in its place; an empty text says that nothing is. */
export function setError(slot: Element, words: string): void {
  slot.textContent = words;
  const field = document.getElementById(slot.id.replace(/-error$/, ""));
  field?.setAttribute("aria-invalid", String(words !== ""));
}
