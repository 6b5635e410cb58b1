/** The open letter of the development inbox: who, when, and its four views. */

const TABS = ["html", "text", "headers", "source"];

const byId = (id) => document.getElementById(id);
let view = "html"; // stays chosen from letter to letter

for (const name of TABS) byId(`tab-${name}`).addEventListener("click", () => choose(name));
byId("tab-html").parentElement.addEventListener("keydown", onTabKey);

export function showLetter(letter) {
  byId("subject").textContent = letter.subject || "(no subject)";
  byId("facts").replaceChildren(
    ...factsOf(letter).flatMap(([term, value]) => [element("dt", term), element("dd", value)]),
  );
  byId("panel-html").replaceChildren(htmlView(letter));
  byId("panel-text").replaceChildren(
    letter.text === null ? absent("This letter has no text part.") : linked(letter.text),
  );
  byId("panel-headers").replaceChildren(headersView(letter));
  byId("panel-source").replaceChildren(sourceLink(letter), element("pre", letter.source));
  for (const name of TABS) byId(`panel-${name}`).scrollTop = 0;
  byId("letter").hidden = false;
  choose(view);
}

export function hideLetter() {
  byId("letter").hidden = true;
  byId("panel-html").replaceChildren();
}

function choose(name) {
  view = name;
  for (const other of TABS) {
    const chosen = other === name;
    byId(`tab-${other}`).setAttribute("aria-selected", String(chosen));
    byId(`tab-${other}`).tabIndex = chosen ? 0 : -1;
    byId(`panel-${other}`).hidden = !chosen;
  }
}

/** The keys of the ARIA tabs pattern. */
function onTabKey(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const at = step
    ? (TABS.indexOf(view) + step + TABS.length) % TABS.length
    : { Home: 0, End: TABS.length - 1 }[event.key];
  if (at === undefined) return;
  event.preventDefault();
  choose(TABS[at]);
  byId(`tab-${TABS[at]}`).focus();
}

function factsOf({ from, to, envelope, date, receivedAt }) {
  const facts = [["From", from ? mailbox(from) : envelope.from]];
  if (to.length > 0) facts.push(["To", to.map(mailbox).join(", ")]);
  // Blind copies, and whatever else the headers do not tell.
  const hidden = envelope.to.filter((address) => !to.some((named) => named.address === address));
  if (hidden.length > 0) facts.push(["Delivered to", hidden.join(", ")]);
  const sent = new Date(date ?? receivedAt);
  const shape = { dateStyle: "medium", timeStyle: "medium" };
  facts.push(["Date", Number.isNaN(sent.valueOf()) ? date : new Intl.DateTimeFormat(undefined, shape).format(sent)]);
  return facts;
}

/** A fresh frame each time: a frame that is sent elsewhere would add to the history, and Back would stick. */
function htmlView(letter) {
  if (letter.html === null) return absent("This letter has no HTML part.");
  const frame = byId("frame").content.cloneNode(true).firstElementChild;
  frame.title = `HTML of the letter “${letter.subject}”`;
  frame.src = `/inbox/messages/${letter.id}/html`;
  return frame;
}

function headersView({ headers }) {
  const table = element("table");
  table.className = "headers";
  for (const { name, value } of headers) {
    const head = element("th", name);
    head.scope = "row";
    table.insertRow().append(head, element("td", value));
  }
  return table;
}

function sourceLink({ id }) {
  const link = element("a", "Open in a new tab");
  link.href = `/inbox/messages/${id}/source`;
  link.target = "_blank";
  const aside = element("p");
  aside.className = "aside";
  aside.append(link);
  return aside;
}

/** The text with its http(s) links made clickable. */
function linked(text) {
  const pre = element("pre");
  pre.dir = "auto";
  for (const piece of text.split(/(https?:\/\/[^\s<>"'()[\]]*[^\s<>"'()[\].,;:!?])/i)) {
    if (!/^https?:\/\//i.test(piece)) pre.append(piece);
    else {
      const link = element("a", piece);
      link.href = piece;
      link.target = "_blank";
      link.rel = "noreferrer";
      pre.append(link);
    }
  }
  return pre;
}

function absent(words) {
  const paragraph = element("p", words);
  paragraph.className = "absent";
  return paragraph;
}

const mailbox = ({ name, address }) => (name ? `${name} <${address}>` : address);

function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
