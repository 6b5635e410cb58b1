/**
 * An email as it goes over the wire, in one piece: a walk through nodemailer's part tree costs more than all the rest of
 * a send. What a header needs of encoding, quotes and folds is nodemailer's work.
 */
import MimeNode from "nodemailer/lib/mime-node";
import { encode as quotedPrintable, wrap } from "nodemailer/lib/qp";

export interface Mail {
  /** Makes the Message-ID and the boundary; the message's id. */
  readonly id: string;
  readonly from: { readonly name: string; readonly address: string };
  readonly to: { readonly name: string; readonly address: string };
  /** The host part of the Message-ID. */
  readonly messageIdHost: string;
  readonly date: Date;
  readonly subject: string;
  /** Its lines, and those of the text, end in a line feed alone. */
  readonly html: string;
  readonly text: string;
}

/** The same bytes for the same mail, always: copies of an email are identical (RFC 5322, RFC 2046 §5.1.4). */
export function buildMime(mail: Mail): Buffer {
  const boundary = `dundie-${mail.id.replaceAll("-", "")}`;
  const headers = [
    header("From", mail.from),
    header("To", mail.to),
    header("Subject", mail.subject),
    `Message-ID: <${mail.id}@${mail.messageIdHost}>`,
    `Date: ${mail.date.toUTCString().replace("GMT", "+0000")}`,
    // RFC 3834 §5, and its Exchange counterpart: no out-of-office note answers a machine.
    "Auto-Submitted: auto-generated",
    "X-Auto-Response-Suppress: OOF, AutoReply, RN, NRN",
    "MIME-Version: 1.0",
    `Content-Type: multipart/alternative;\r\n boundary="${boundary}"`,
  ];
  return Buffer.from(
    `${headers.join("\r\n")}\r\n\r\n--${boundary}\r\n${part("text/plain", mail.text)}\r\n--${boundary}\r\n${part("text/html", mail.html)}\r\n--${boundary}--\r\n`,
  );
}

/** Words and blanks: what needs neither quotes nor encoding (RFC 5322 §3.2.3), and fits on a line beside its name. */
const PLAIN = /^[A-Za-z0-9]([A-Za-z0-9 ,-]{0,60}[A-Za-z0-9])?$/;
const PLAIN_NAME = /^[A-Za-z0-9]([A-Za-z0-9 -]{0,60}[A-Za-z0-9])?$/;
const PLAIN_ADDRESS = /^[a-z0-9]([a-z0-9._+-]*[a-z0-9])?@[a-z0-9-]+(\.[a-z0-9-]+)+$/;

/** Everything that is not plainly harmless is nodemailer's to encode, to quote and to fold. */
function header(key: "From" | "To" | "Subject", value: string | Mail["to"]): string {
  const words = typeof value === "string" ? value : value.name;
  // What looks like an encoded word would be decoded by the reader, in quotes, too: it is encoded itself.
  if (words.includes("=?")) return [`${key}:`, ...encodedWords(words), ...addressOf(value)].join("\r\n ");
  if (typeof value === "string") return PLAIN.test(value) ? `${key}: ${value}` : encoded(key, value);
  const { name, address } = value;
  if (!PLAIN_NAME.test(name) || !PLAIN_ADDRESS.test(address)) return encoded(key, value);
  return `${key}: ${name}${key.length + name.length + address.length < 70 ? "" : "\r\n"} <${address}>`;
}

const addressOf = (value: string | Mail["to"]): string[] => (typeof value === "string" ? [] : [`<${value.address}>`]);

/** RFC 2047 §2 and §5: words of at most 75 characters, each with whole characters in it. */
function encodedWords(text: string): string[] {
  const chunks = [""];
  for (const character of text.toWellFormed()) {
    const longer = chunks.at(-1) + character;
    if (Buffer.byteLength(longer) > MAX_WORD_BYTES) chunks.push(character);
    else chunks[chunks.length - 1] = longer;
  }
  return chunks.map((chunk) => `=?UTF-8?B?${Buffer.from(chunk).toString("base64")}?=`);
}

/** 60 characters in base64, and 12 around them. */
const MAX_WORD_BYTES = 45;

/** Subjects and senders come again and again; an address book of names would only grow. */
const MAX_REMEMBERED = 200;
const remembered = new Map<string, string>();

function encoded(key: string, value: string | Mail["to"]): string {
  const name = `${key}\0${JSON.stringify(value)}`;
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const node = new MimeNode("text/plain");
  // An object: a string would be parsed as a list of addresses.
  node.setHeader(key, typeof value === "string" ? value : { ...value });
  const line = node
    .buildHeaders()
    .split(/\r\n(?![ \t])/)
    .find((one) => one.startsWith(`${key}:`));
  if (line === undefined) throw new TypeError(`The header ${key} could not be made.`);
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(name, line);
  return line;
}

function part(type: string, content: string): string {
  const lines = content.replaceAll("\n", "\r\n");
  const plain = SEVEN_BIT.test(lines);
  const encoding = plain ? "7bit" : "quoted-printable";
  const body = plain ? lines : wrap(quotedPrintable(lines));
  return `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}`;
}

/** RFC 5322 §2.1.1: ASCII, and no line over 998 characters. */
// oxlint-disable-next-line no-control-regex
const SEVEN_BIT = /^(?:[\t\r\x20-\x7e]{0,998}(?:\n|$))*$/;
