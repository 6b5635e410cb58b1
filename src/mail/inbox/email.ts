/** An email as the development inbox keeps it. */
import PostalMime, { type Address, type Email } from "postal-mime";
import type { InboxMessage, InboxSummary, Mailbox } from "./shapes.ts";

const PREVIEW_CHARACTERS = 140;

/** Takes a received email apart. */
export async function readEmail(bytes: Uint8Array, envelope: InboxSummary["envelope"]): Promise<InboxMessage> {
  const email = await parse(bytes);
  const from = email.from ? mailboxes([email.from])[0] : undefined;
  const html = email.html ?? null;
  const text = email.text ?? null;
  return {
    id: Bun.randomUUIDv7(),
    receivedAt: new Date().toISOString(),
    envelope,
    from: from ?? null,
    to: mailboxes(email.to ?? []),
    subject: email.subject ?? "",
    preview: previewOf(text ?? ""),
    messageId: email.messageId ?? null,
    date: email.date ?? null,
    headers: email.headers.map(({ originalKey, value }) => ({ name: originalKey, value })),
    html,
    text,
    links: linksOf(html, text),
    source: decode(bytes),
  };
}

/** An email that cannot be taken apart (too deep, say) is still kept: its source is what shows why. */
async function parse(bytes: Uint8Array): Promise<Email> {
  try {
    return await PostalMime.parse(bytes);
  } catch (error) {
    const text = `This email could not be parsed: ${error instanceof Error ? error.message : String(error)}`;
    return { headers: [], headerLines: [], attachments: [], subject: "(unreadable email)", text };
  }
}

export function summaryOf(message: InboxMessage): InboxSummary {
  const { id, receivedAt, envelope, from, to, subject, preview, messageId, date } = message;
  return { id, receivedAt, envelope, from, to, subject, preview, messageId, date };
}

/** Groups (RFC 5322 §3.4) are laid flat. */
const mailboxes = (addresses: readonly Address[]): Mailbox[] =>
  addresses.flatMap((one) => one.group ?? [one]).map(({ name, address }) => ({ name, address }));

function previewOf(text: string): string {
  // Four times the room, because runs of spaces and blank lines shrink to one.
  const words = text
    .slice(0, 4 * PREVIEW_CHARACTERS)
    .replace(/\s+/g, " ")
    .trim();
  return words.length > PREVIEW_CHARACTERS ? `${words.slice(0, PREVIEW_CHARACTERS - 1)}…` : words;
}

function linksOf(html: string | null, text: string | null): string[] {
  const links = new Set<string>();
  if (html !== null) {
    const anchors = new HTMLRewriter().on("a[href]", {
      element: (anchor) => void links.add(decodeEntities(anchor.getAttribute("href") ?? "")),
    });
    anchors.transform(html);
  }
  // A sentence's full stop and the brackets that html-to-text puts around a link are not part of it.
  for (const [link] of (text ?? "").matchAll(/https?:\/\/[^\s<>"'()[\]]*[^\s<>"'()[\].,;:!?]/gi)) links.add(link);
  return [...links].filter((link) => /^https?:\/\//i.test(link));
}

/** The five that an attribute needs, in every notation in use; HTMLRewriter hands attributes out undecoded. */
const decodeEntities = (attribute: string): string =>
  attribute.replace(/&(?:(amp|lt|gt|quot|apos)|#(\d{1,6})|#x([0-9a-f]{1,5}));/gi, (_, name, decimal, hex) =>
    name
      ? { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }[String(name).toLowerCase()]!
      : String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16)),
  );

/** Decodes UTF-8. Where the text is not UTF-8, each byte becomes a character, so that nothing that was received gets lost. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString("latin1");
  }
}
