/** SMTP replies, read from a stream of bytes, and what a refusal is about. */

export interface Reply {
  /** Three digits, 200 to 599. Null: what came is not an SMTP reply. */
  readonly code: number | null;
  /** Its lines as they came, joined by line feeds; at most {@link MAX_REPLY_BYTES}. */
  readonly text: string;
  /** The server sent more than is kept, so the connection cannot be used for anything else. */
  readonly cut: boolean;
}

/** A real reply has a few hundred bytes, an EHLO reply under two thousand. */
const MAX_REPLY_BYTES = 16_384;

/**
 * Splits what a server sends into replies (RFC 5321 §4.2, §4.2.1): lines of three digits, a hyphen where another line
 * follows. A line that has no such code is a reply without a code, unless it stands inside a reply of several lines.
 * A reply that grows beyond {@link MAX_REPLY_BYTES} is complete at that point: its code is known by then.
 */
export class ReplyReader {
  readonly #replies: Reply[] = [];
  #lines: string[] = [];
  #size = 0;
  #rest = "";
  #cut = false;

  push(chunk: Buffer): void {
    if (this.#cut) return;
    this.#rest += chunk.toString("latin1");
    for (let end = this.#rest.indexOf("\n"); end >= 0; end = this.#rest.indexOf("\n")) {
      const line = this.#rest.slice(0, end).replace(/\r$/, "");
      this.#rest = this.#rest.slice(end + 1);
      this.#take(line);
      if (this.#size > MAX_REPLY_BYTES) return this.#finishCut("");
    }
    if (this.#size + this.#rest.length > MAX_REPLY_BYTES) this.#finishCut(this.#rest);
  }

  /** The next complete reply; null: none yet. */
  next(): Reply | null {
    return this.#replies.shift() ?? null;
  }

  /** Something came that {@link next} has not returned. */
  get pending(): boolean {
    return this.#replies.length > 0 || this.#lines.length > 0 || this.#rest.length > 0;
  }

  /**
   * The connection has ended. A refusal without its line end is taken as one; a success is not, because the line may
   * have gone on.
   */
  end(): Reply | null {
    return /^[45]\d\d[ -]/.test(this.#rest) ? replyOf([...this.#lines, this.#rest], false) : null;
  }

  #take(line: string): void {
    // Some servers send empty lines between replies.
    if (line.trim() === "" && this.#lines.length === 0) return;
    const inside = this.#lines.length > 0;
    this.#lines.push(line);
    this.#size += line.length;
    const [, , hyphen] = CODE.exec(line) ?? [];
    if (hyphen === undefined ? inside : hyphen === "-") return;
    this.#replies.push(replyOf(this.#lines, false));
    this.#lines = [];
    this.#size = 0;
  }

  #finishCut(rest: string): void {
    this.#cut = true;
    this.#replies.push(replyOf([...this.#lines, rest], true));
    this.#lines = [];
    this.#rest = "";
  }
}

/** Exactly three digits; servers have been seen that leave out the space after them. */
const CODE = /^([2-5]\d\d)(?!\d)(-?)/;

function replyOf(lines: readonly string[], cut: boolean): Reply {
  // All lines have the same code; where they do not, the last one that has a code decides (RFC 5321 §4.2.1).
  const code = lines.reduce<string | undefined>((last, line) => CODE.exec(line)?.[1] ?? last, undefined);
  const bytes = lines.join("\n").slice(0, MAX_REPLY_BYTES);
  const text = Buffer.from(bytes, "latin1").toString("utf8");
  return { code: code === undefined ? null : Number(code), text: text.includes("\uFFFD") ? bytes : text, cut };
}

/**
 * The server asks for a login or for encryption (RFC 4954 §6, RFC 3207 §4), or the login is wrong: codes that are never
 * about a recipient, in any phase. Some relays want a login only for recipients outside their own domains.
 */
const LOGIN_CODES: ReadonlySet<number | null> = new Set([530, 535, 538]);

export const asksForLogin = (code: number | null): boolean => LOGIN_CODES.has(code);

/** Who has to change something before such an email can be sent. */
export type RefusalSubject = "recipient" | "us" | "unclear";

/**
 * What a refusal (4yz or 5yz) of a recipient or of a message is about, by what the server says: first words that mail
 * servers use for the sender's side, because a wrong "recipient" loses an email and a wrong "us" only delays its end;
 * then the enhanced status code (RFC 3463 §3); then words for the recipient.
 */
export function refusalSubject(reply: string): RefusalSubject {
  // The address is quoted back, and may hold any word.
  const words = reply.replace(/<[^>]*>|\S+@\S+/g, "");
  if (SENDER_SIDE.test(words)) return "us";
  const [, , subject, detail] = ENHANCED_CODE.exec(words) ?? [];
  switch (subject) {
    case "1":
      // 5.1.7 and 5.1.8 are about the sender's address.
      return detail === "7" || detail === "8" ? "us" : "recipient";
    case "2":
      return "recipient";
    case "3":
    case "7":
      return "us";
    default:
      // 0, 4, 5 and 6 are used for either side; without an enhanced code there are only words.
      return RECIPIENT_SIDE.test(words) ? "recipient" : "unclear";
  }
}

/** After the reply code (RFC 2034), or where qmail writes it: `(#5.1.1)`. */
const ENHANCED_CODE = /(^[45]\d\d[ -]|#)[45]\.(\d{1,3})\.(\d{1,3})(?!\d)/;

/** Postfix says at RCPT TO, and at times with 5.1 or 5.5, what is wrong with the client, EHLO or MAIL FROM. */
const SENDER_SIDE =
  /\b(?:helo|ehlo|sender|outbound)\b|\brelay(?:ing)?\b(?! recipient table)|\brcpthosts\b|authenticat|client host|(?:allowed|permitted|authori[sz]ed) to send|send ?as|not owned by|sending (?:limit|quota|rate)|daily .{0,20}limit|\b(?:spf|dkim|dmarc)\b|block ?list|black ?list|spamhaus|reputation|\bbanned\b|\bip\b.{0,40}\b(?:blocked|rejected|denied)|too many connections/i;

/** "Mailbox unavailable" is not among them: RFC 5321 §4.2.3 has it for 550 of any cause. */
const RECIPIENT_SIDE =
  /user unknown|unknown (?:user|recipient|mailbox|local part)|no such (?:user|mailbox|recipient|address|person|account)|(?:user|mailbox|recipient|account|address|inbox)\b.{0,40}\b(?:not found|unknown|disabled|inactive|suspended|full|invalid|(?:does not|doesn't) exist)|invalid (?:user|recipient|mailbox|address)|over ?quota|quota exceeded|no mailbox here/i;
