/**
 * What a letter's page gains by a script: the token leaves the address bar, and the server's answer comes in place.
 * What is refused, and in which words, is the server's to say.
 */

// First of all: from now on the form's hidden field alone has the token.
history.replaceState(null, "", location.pathname);
document.documentElement.classList.add("scripted");

document.addEventListener("submit", (event) => {
  event.preventDefault();
  void send(event.target);
});
document.addEventListener("input", ({ target }) => {
  const slot = document.getElementById(`${target.id}-error`);
  if (slot?.textContent) setError(slot, "");
});
takeOver();

/** The server's words come in place of the browser's own bubbles, which count otherwise and know one language. */
function takeOver() {
  for (const form of document.forms) form.noValidate = true;
}

async function send(form) {
  if (form.ariaBusy === "true") return;
  const button = form.querySelector("button");
  const label = button.textContent;
  form.ariaBusy = "true";
  button.textContent = form.dataset.busy;
  const answer = await post(form);
  form.ariaBusy = "false";
  button.textContent = label;
  show(form, answer);
}

/** The page that answers; null when there was no answer, or not one of ours. */
async function post(form) {
  try {
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return page.querySelector("main") && { status: response.status, page };
  } catch {
    return null;
  }
}

/** A refusal goes to its place in the form as it stands, with what was typed; anything else takes the page's place. */
function show(form, answer) {
  if (!answer) return complain(form, form.dataset.unreachable);
  const { status, page } = answer;
  const main = page.querySelector("main");
  if (status === 429 || status >= 500) return complain(form, main.querySelector(".lead").textContent);
  document.title = page.title;
  if (page.getElementById(form.id)?.querySelector("[aria-invalid=true]")) {
    complain(form, "");
    for (const slot of form.querySelectorAll(".error")) setError(slot, page.getElementById(slot.id).textContent);
    form.querySelector("[aria-invalid=true]").focus();
  } else {
    document.querySelector("main").replaceWith(main);
    takeOver();
    main.querySelector("h1").focus();
    scrollTo(0, 0);
  }
}

function complain(form, words) {
  const notice = form.querySelector(".notice");
  notice.textContent = words;
  if (words) notice.focus();
}

export function setError(slot, words) {
  slot.textContent = words;
  document.getElementById(slot.id.replace(/-error$/, "")).setAttribute("aria-invalid", String(words !== ""));
}
