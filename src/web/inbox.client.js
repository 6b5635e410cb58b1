/**
 * The list of the development inbox: arrivals, search, unread marks, keys. Which letter is open stands in the address
 * (`#<id>`), so that reload, Back and a pasted link do what they should.
 *
 * What a letter says gets into the page as text only, never as markup.
 */
import { hideLetter, showLetter } from "./inbox.letter.js";

const READ_KEY = "dundie.inbox.read";
const SEARCH_PAUSE_MILLISECONDS = 150;
const RECONNECT_MILLISECONDS = 2_000;

const byId = (id) => document.getElementById(id);
const list = byId("list");
const search = byId("search");
const wide = matchMedia("(min-width: 760px)");

let letters = []; // newest first, as the search has them
let openId = null;
let loading = new AbortController();
let searchTimer = 0;
const read = new Set(JSON.parse(localStorage.getItem(READ_KEY) ?? "[]"));

addEventListener("hashchange", () => void openFromAddress({ focus: true }));
addEventListener("keydown", onKey);
search.addEventListener("input", () => {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(load, SEARCH_PAUSE_MILLISECONDS);
});
byId("show-all").addEventListener("click", resetSearch);
byId("back").addEventListener("click", close);
byId("remove").addEventListener("click", removeOpen);
byId("clear").addEventListener("click", () => byId("confirm-clear").showModal());
byId("keep-all").addEventListener("click", () => byId("confirm-clear").close());
byId("clear-all").addEventListener("click", clearAll);
byId("copy").addEventListener("click", copyCommand);
byId("command").textContent =
  `curl -X POST -H 'Content-Type: application/json' --data-raw '{"email": "mscott@dm.com"}' ${location.origin}/user/pwd_reset_token/`;
connect();

/** Follows arrivals. Every (re)connection reads the whole list again: what came in between was not announced. */
function connect() {
  const events = new EventSource("/inbox/events");
  events.addEventListener("open", async () => {
    setConnection("live", "Live");
    await load();
    await openFromAddress({ focus: false });
  });
  events.addEventListener("arrived", (event) => arrive(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    setConnection("lost", "Reconnecting");
    // The browser tries again by itself, except after an answer that is no stream (a proxy's 502, say).
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_MILLISECONDS);
  });
}

async function load() {
  loading.abort();
  loading = new AbortController();
  const query = new URLSearchParams({ q: search.value.trim() });
  try {
    const response = await fetch(`/inbox/messages?${query}`, { signal: loading.signal });
    if (!response.ok) throw new Error(`GET /inbox/messages: ${response.status}`);
    letters = await response.json();
  } catch (error) {
    // Overtaken by a newer search, or the server went away, which the event stream reports and mends.
    if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error;
    return;
  }
  renderList();
}

function arrive(letter) {
  byId("news").textContent = `New letter for ${letter.envelope.to.join(", ")}: ${letter.subject}`;
  if (search.value.trim()) return void load();
  letters.unshift(letter);
  const row = rowOf(letter);
  row.firstElementChild.classList.add("arrived");
  list.prepend(row);
  renderCounts();
}

function renderList() {
  const focused = document.activeElement?.closest?.(".row")?.dataset.id;
  list.replaceChildren(...letters.map(rowOf));
  if (focused) rowElement(focused)?.focus();
  renderCounts();
}

function rowOf(letter) {
  const item = byId("row").content.cloneNode(true).firstElementChild;
  const row = item.querySelector(".row");
  row.href = `#${letter.id}`;
  row.dataset.id = letter.id;
  row.querySelector(".who").textContent = letter.envelope.to.join(", ");
  row.querySelector(".what").textContent = letter.subject || "(no subject)";
  row.querySelector(".preview").textContent = letter.preview;
  const when = row.querySelector(".when");
  when.dateTime = letter.receivedAt;
  when.title = new Date(letter.receivedAt).toLocaleString();
  when.textContent = shortTime(new Date(letter.receivedAt));
  markRow(row);
  return item;
}

function markRow(row) {
  const unread = !read.has(row.dataset.id);
  row.toggleAttribute("data-unread", unread);
  row.querySelector(".unseen")?.remove();
  if (unread) {
    const label = document.createElement("span");
    label.className = "unseen";
    label.textContent = "Unread.";
    row.prepend(label);
  }
  if (row.dataset.id === openId) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
}

function renderCounts() {
  const words = search.value.trim();
  const unread = letters.filter((letter) => !read.has(letter.id)).length;
  const count = `${letters.length} ${letters.length === 1 ? "letter" : "letters"}`;
  byId("count").textContent = words ? `${count} found` : unread ? `${count}, ${unread} unread` : count;
  byId("no-match").hidden = letters.length > 0;
  byId("no-match-words").textContent = words;
  list.hidden = letters.length === 0;
  byId("clear").disabled = letters.length === 0 && !words;
  byId("empty").hidden = letters.length > 0 || words !== "" || openId !== null;
  document.title = `${unread && !words ? `(${unread}) ` : ""}Development inbox`;
  document.body.dataset.view = openId ? "letter" : letters.length === 0 && !words ? "empty" : "list";
}

/** @param focus whether the letter's heading takes the focus, as it does after a choice but not after a reload. */
async function openFromAddress({ focus }) {
  const id = location.hash.slice(1) || null;
  if (id !== openId || id === null) await open(id);
  if (focus && openId) byId("subject").focus();
}

async function open(id) {
  const before = openId;
  const response = id && (await fetch(`/inbox/messages/${encodeURIComponent(id)}`));
  if (id && location.hash.slice(1) !== id) return; // overtaken: another one was chosen meanwhile
  if (response?.ok) {
    openId = id;
    markRead(id);
    showLetter(await response.json());
  } else {
    openId = null;
    hideLetter();
    if (id) history.replaceState(null, "", location.pathname);
  }
  for (const changed of [before, openId]) {
    const row = changed && rowElement(changed);
    if (row) markRow(row);
  }
  if (openId) rowElement(openId)?.scrollIntoView({ block: "nearest" });
  renderCounts();
}

function close() {
  const id = openId;
  history.pushState(null, "", location.pathname);
  void open(null);
  (rowElement(id) ?? list.querySelector(".row"))?.focus();
}

/** Moves by rows; beside an open list the letter follows, on a phone it follows only where one is open. */
function move(step) {
  const rows = [...list.querySelectorAll(".row")];
  const current = document.activeElement?.closest?.(".row") ?? rowElement(openId);
  const next = rows[current ? rows.indexOf(current) + step : 0];
  if (!next) return;
  next.focus();
  if (!openId) return;
  history.replaceState(null, "", next.hash);
  void open(next.dataset.id);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target === search) {
    if (event.key === "Escape") resetSearch();
    else if (event.key === "ArrowDown" || event.key === "Enter") list.querySelector(".row")?.focus();
    else return;
    return event.preventDefault();
  }
  // In a letter the arrows scroll it; they move in the list and where nothing has the focus.
  const inList = document.activeElement === document.body || list.contains(document.activeElement);
  if (event.key === "j" || (event.key === "ArrowDown" && inList)) move(1);
  else if (event.key === "k" || (event.key === "ArrowUp" && inList)) move(-1);
  else if (event.key === "/" && document.body.dataset.view !== "empty") {
    if (!wide.matches && openId) close();
    search.focus();
    search.select();
  } else if (event.key === "Escape" && openId) close();
  else return;
  event.preventDefault();
}

function resetSearch() {
  search.value = "";
  void load().then(() => list.querySelector(".row")?.focus());
}

async function removeOpen() {
  const index = letters.findIndex((letter) => letter.id === openId);
  await fetch(`/inbox/messages/${openId}`, { method: "DELETE" });
  letters = letters.filter((letter) => letter.id !== openId);
  const next = letters[index] ?? letters.at(-1);
  if (!wide.matches || !next) close();
  else {
    history.replaceState(null, "", `#${next.id}`);
    await open(next.id);
    byId("subject").focus();
  }
  renderList();
}

async function clearAll() {
  await fetch("/inbox/messages", { method: "DELETE" });
  byId("confirm-clear").close();
  search.value = "";
  read.clear();
  localStorage.removeItem(READ_KEY);
  history.replaceState(null, "", location.pathname);
  await open(null);
  await load();
}

async function copyCommand() {
  await navigator.clipboard.writeText(byId("command").textContent);
  byId("copy").textContent = "Copied";
  setTimeout(() => (byId("copy").textContent = "Copy"), 2_000);
}

function markRead(id) {
  read.add(id);
  // The server keeps a bounded number of letters, so does this list: the newest marks are at its end.
  localStorage.setItem(READ_KEY, JSON.stringify([...read].slice(-2_000)));
}

function setConnection(state, words) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = words;
}

function rowElement(id) {
  return id && list.querySelector(`.row[data-id="${CSS.escape(id)}"]`);
}

function shortTime(time) {
  const today = time.toDateString() === new Date().toDateString();
  const shape = today ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat(undefined, shape).format(time);
}
