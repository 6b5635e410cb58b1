/** The SMTP server that can misbehave, in a process of its own: `bun faulty-smtp-process.ts <log file>`, ruled by IPC. */
import { closeSync, openSync, writeSync } from "node:fs";
import { startScriptedSmtp, type Misbehaviour, type ReceivedEmail, type SmtpMoment } from "../support/smtp.ts";
import type { FromServer, Rule, Signal, SmtpEvent, ToServer } from "./faulty-smtp.ts";

interface Active {
  readonly id: number;
  readonly rule: Rule;
  readonly removed: PromiseWithResolvers<void>;
  count: number;
  readonly perRecipient: Map<string, number>;
  /** The number of the newest connection when the rule was added. */
  readonly addedAfter: number;
}

const file = openSync(process.argv[2] ?? "", "a");
const rules: Active[] = [];
const numbers = new WeakMap<ReceivedEmail, number>();
let received = 0;

const smtp = await startScriptedSmtp(0, { keep: false, onEmail: record });
smtp.behave((moment) => {
  const active = rules.find((candidate) => matches(candidate, moment));
  return active ? apply(active, moment) : null;
});

process.on("message", (message: ToServer) => void execute(message));
process.on("disconnect", () => {
  closeSync(file);
  process.exit(0);
});
tell({ type: "listening", url: smtp.url });

async function execute(message: ToServer): Promise<void> {
  if (message.type === "add") {
    const { ticket: id, rule } = message;
    rules.push({
      id,
      rule,
      removed: Promise.withResolvers(),
      count: 0,
      perRecipient: new Map(),
      addedAfter: smtp.connections,
    });
  } else if (message.type === "remove") {
    const index = rules.findIndex(({ id }) => id === message.rule);
    for (const { removed } of index < 0 ? [] : rules.splice(index, 1)) removed.resolve();
  } else if (message.type === "hangUpAll") smtp.hangUpAll();
  else await smtp[message.type]();
  tell({ type: "done", ticket: message.ticket });
}

function matches({ rule, count, perRecipient, addedAfter }: Active, moment: SmtpMoment): boolean {
  const { phase, recipient } = moment;
  if (rule.phase !== phase || count >= (rule.times ?? Infinity)) return false;
  if (moment.open <= (rule.aboveConnections ?? 0)) return false;
  if (moment.connection > addedAfter + (rule.firstConnections ?? Infinity)) return false;
  if (rule.heloNotQualified && /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(moment.helo ?? "")) return false;
  // Each character of the sender is one byte, because the server reads Latin-1.
  if (rule.senderNotAscii && /^[\x20-\x7e]*$/.test(moment.sender ?? "")) return false;
  if (rule.recipients && !rule.recipients.includes(recipient ?? "")) return false;
  return (perRecipient.get(recipient ?? "") ?? 0) < (rule.perRecipient ?? Infinity);
}

function apply(active: Active, { recipient }: SmtpMoment): Misbehaviour {
  const { rule } = active;
  active.count += 1;
  active.perRecipient.set(recipient ?? "", (active.perRecipient.get(recipient ?? "") ?? 0) + 1);
  const target = rule.signal;
  if (target?.now) signal(target.pid, target.now);
  const after = target?.answered;
  tell({ type: "applied", rule: active.id });
  return {
    ...rule,
    ...(rule.replyBytes ? { reply: longReply(rule.replyBytes) } : {}),
    ...(rule.hold ? { held: active.removed.promise } : {}),
    ...(target && after ? { after: () => signal(target.pid, after) } : {}),
  };
}

function longReply(bytes: number): string {
  const line = `250-2.0.0 ${"x".repeat(100)}\r\n`;
  return `${line.repeat(Math.ceil(bytes / line.length))}250 2.0.0 Ok`;
}

function signal(pid: number, name: Signal): void {
  write({ event: "signal", at: Date.now(), pid, signal: name });
  try {
    process.kill(pid, name);
  } catch {
    // The process has ended already.
  }
}

function record(email: ReceivedEmail, answered: boolean): void {
  if (!answered) {
    numbers.set(email, (received += 1));
    write({
      event: "dot",
      email: received,
      at: email.at,
      messageId: email.messageId,
      recipient: email.recipient,
      date: /^Date:\s*(.+)\r$/im.exec(email.source)?.[1] ?? "",
      link: email.link,
      digest: new Bun.CryptoHasher("sha256").update(email.source).digest("hex"),
    });
    return;
  }
  const { reply, delivered } = email;
  write({ event: "answer", email: numbers.get(email) ?? 0, at: Date.now(), reply, delivered });
  tell({ type: "answered", accepted: reply?.startsWith("250") ?? false });
}

/** Writes synchronously, so that a line is in the file before the next byte goes to the client. */
function write(event: SmtpEvent): void {
  writeSync(file, `${JSON.stringify(event)}\n`);
}

function tell(message: FromServer): void {
  process.send?.(message);
}
