/**
 * A letter as it goes over the wire. Headers are nodemailer's work, which encodes and folds them safely; the body is
 * assembled here in one piece, because a stream through nodemailer's part tree costs more than all the rest of a send.
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
  readonly html: string;
  readonly text: string;
}

/** The same bytes for the same mail, always: copies of a letter are identical (RFC 5322, RFC 2046 §5.1.4). */
export function buildMime(mail: Mail): Buffer {
  const node = new MimeNode("multipart/alternative", { baseBoundary: mail.id.replaceAll("-", "") });
  node.setHeader([
    { key: "From", value: { ...mail.from } },
    // An object: a string would be parsed as a list of addresses.
    { key: "To", value: { ...mail.to } },
    { key: "Subject", value: mail.subject },
    { key: "Message-ID", value: `<${mail.id}@${mail.messageIdHost}>` },
    { key: "Date", value: mail.date.toUTCString().replace("GMT", "+0000") },
    // RFC 3834 §5, and its Exchange counterpart: no out-of-office note answers a machine.
    { key: "Auto-Submitted", value: "auto-generated" },
    { key: "X-Auto-Response-Suppress", value: "OOF, AutoReply, RN, NRN" },
  ]);
  const headers = node.buildHeaders();
  const boundary = `--${node.boundary || ""}`;
  return Buffer.from(
    `${headers}\r\n\r\n${boundary}\r\n${part("text/plain", mail.text)}\r\n${boundary}\r\n${part("text/html", mail.html)}\r\n${boundary}--\r\n`,
  );
}

function part(type: string, content: string): string {
  const lines = content.replaceAll("\r\n", "\n").replaceAll("\n", "\r\n");
  const plain = SEVEN_BIT.test(lines);
  const encoding = plain ? "7bit" : "quoted-printable";
  const body = plain ? lines : wrap(quotedPrintable(lines));
  return `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}`;
}

/** RFC 5322 §2.1.1: ASCII, and no line over 998 characters. */
// oxlint-disable-next-line no-control-regex
const SEVEN_BIT = /^(?:[\t\r\x20-\x7e]{0,998}(?:\n|$))*$/;
