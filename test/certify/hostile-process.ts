/** The hostile SMTP server, in a process of its own: `bun hostile-process.ts <log file>`, told what to do by IPC. */
import { closeSync, openSync, writeSync } from "node:fs";
import { startScriptedSmtp, type Misbehaviour, type ReceivedEmail, type SmtpMoment } from "../support/smtp.ts";
import type { FromHostile, HostileEvent, Rule, Signal, ToHostile } from "./hostile.ts";

interface Armed {
  readonly id: number;
  readonly rule: Rule;
  readonly lifted: PromiseWithResolvers<void>;
  strikes: number;
  readonly perRecipient: Map<string, number>;
}

const file = openSync(process.argv[2] ?? "", "a");
const rules: Armed[] = [];
const numbers = new WeakMap<ReceivedEmail, number>();
let letters = 0;

const smtp = await startScriptedSmtp(0, { keep: false, onEmail: record });
smtp.behave((moment) => {
  const armed = rules.find((candidate) => fits(candidate, moment));
  return armed ? strike(armed, moment) : null;
});

process.on("message", (message: ToHostile) => void obey(message));
process.on("disconnect", () => {
  closeSync(file);
  process.exit(0);
});
tell({ type: "listening", url: smtp.url });

async function obey(message: ToHostile): Promise<void> {
  if (message.type === "set") {
    const { ticket: id, rule } = message;
    rules.push({ id, rule, lifted: Promise.withResolvers(), strikes: 0, perRecipient: new Map() });
  } else if (message.type === "lift") {
    const index = rules.findIndex(({ id }) => id === message.rule);
    for (const { lifted } of index < 0 ? [] : rules.splice(index, 1)) lifted.resolve();
  } else if (message.type === "hangUpAll") smtp.hangUpAll();
  else await smtp[message.type]();
  tell({ type: "done", ticket: message.ticket });
}

function fits({ rule, strikes, perRecipient }: Armed, { phase, recipient }: SmtpMoment): boolean {
  if (rule.phase !== phase || strikes >= (rule.times ?? Infinity)) return false;
  if (rule.recipients && !rule.recipients.includes(recipient ?? "")) return false;
  return (perRecipient.get(recipient ?? "") ?? 0) < (rule.perRecipient ?? Infinity);
}

function strike(armed: Armed, { recipient }: SmtpMoment): Misbehaviour {
  const { rule } = armed;
  armed.strikes += 1;
  armed.perRecipient.set(recipient ?? "", (armed.perRecipient.get(recipient ?? "") ?? 0) + 1);
  const target = rule.strike;
  if (target?.now) signal(target.pid, target.now);
  const after = target?.answered;
  tell({ type: "struck", rule: armed.id });
  return {
    ...rule,
    ...(rule.hold ? { held: armed.lifted.promise } : {}),
    ...(target && after ? { after: () => signal(target.pid, after) } : {}),
  };
}

function signal(pid: number, name: Signal): void {
  write({ event: "signal", at: Date.now(), pid, signal: name });
  try {
    process.kill(pid, name);
  } catch {
    // It has ended already.
  }
}

function record(letter: ReceivedEmail, answered: boolean): void {
  if (!answered) {
    numbers.set(letter, (letters += 1));
    write({
      event: "dot",
      letter: letters,
      at: letter.at,
      messageId: letter.messageId,
      recipient: letter.recipient,
      date: /^Date:\s*(.+)\r$/im.exec(letter.source)?.[1] ?? "",
      link: letter.link,
      digest: new Bun.CryptoHasher("sha256").update(letter.source).digest("hex"),
    });
    return;
  }
  const { reply, delivered } = letter;
  write({ event: "answer", letter: numbers.get(letter) ?? 0, at: Date.now(), reply, delivered });
  tell({ type: "answered", accepted: reply?.startsWith("250") ?? false });
}

/** Synchronously: what was logged happened, whatever happens next. */
function write(event: HostileEvent): void {
  writeSync(file, `${JSON.stringify(event)}\n`);
}

function tell(message: FromHostile): void {
  process.send?.(message);
}
