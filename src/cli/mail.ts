/** `dundie mail …`: the outbox from the command line, by the same functions as `/message/`. */
import { parseArgs } from "node:util";
import { normaliseAddress } from "../accounts/addresses.ts";
import type { Deps } from "../accounts/deps.ts";
import {
  cancelMessage,
  liftSuppression,
  pauseMail,
  resumeMail,
  retryMessage,
  suppressAddress,
  type Operator,
} from "../accounts/mail-operations.ts";
import { InvalidInput } from "../errors.ts";
import { findMessage, listMessages } from "../mail/operations/messages.ts";
import { readStats } from "../mail/operations/stats.ts";
import { isKindName } from "../mail/kinds.ts";

export const MAIL_USAGE = `  mail list [--state S] [--kind K] [--recipient A] [--limit N]
  mail show ID              the story of one letter
  mail retry ID             send a failed or cancelled one again
  mail cancel ID            end a queued one
  mail pause | resume       stop every courier from claiming, and start again
  mail suppress ADDRESS [NOTE] | lift ADDRESS
  mail stats                depth, age, latency, failures, couriers
`;

/** @returns the exit code. */
export async function mailCommand(deps: Deps, args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  const { db } = deps;
  switch (command) {
    case "list":
      return await list(deps, rest);
    case "show":
      return print(story(await findMessage(db, requireArgument(rest, "a message id"))));
    case "retry":
      return print(`queued as ${await retryMessage(deps, OPERATOR, requireArgument(rest, "a message id"))}`);
    case "cancel":
      await cancelMessage(deps, OPERATOR, requireArgument(rest, "a message id"));
      return print("cancelled");
    case "pause":
      await pauseMail(deps, OPERATOR);
      return print("paused: requests are accepted, nothing is sent until `dundie mail resume`");
    case "resume":
      await resumeMail(deps, OPERATOR);
      return print("resumed");
    case "suppress": {
      const email = requireAddress(rest);
      await suppressAddress(deps, OPERATOR, email, rest.slice(1).join(" ") || null);
      return print(`no more mail goes to ${email}`);
    }
    case "lift": {
      const email = requireAddress(rest);
      await liftSuppression(deps, OPERATOR, email);
      return print(`mail goes to ${email} again`);
    }
    case "stats":
      return print(JSON.stringify(await readStats(db), null, 2));
    default:
      throw new InvalidInput(`Usage:\n${MAIL_USAGE}`);
  }
}

const OPERATOR: Operator = {
  caller: null,
  context: { client: { ip: null, browser: null }, locale: "en", requestId: null },
};

async function list({ db }: Deps, args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      state: { type: "string" },
      kind: { type: "string" },
      recipient: { type: "string" },
      limit: { type: "string", default: "50" },
    },
  });
  const state = (["queued", "sending", "sent", "failed", "dropped"] as const).find((s) => s === values.state);
  if (values.state && !state) throw new InvalidInput(`There is no state ${values.state}.`);
  if (values.kind && !isKindName(values.kind)) throw new InvalidInput(`There is no kind ${values.kind}.`);
  const limit = Number(values.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw new InvalidInput("--limit takes 1 to 1000.");
  const { items } = await listMessages(db, {
    state,
    kind: values.kind && isKindName(values.kind) ? values.kind : undefined,
    recipient: values.recipient && (normaliseAddress(values.recipient) ?? values.recipient),
    limit,
  });
  const rows = items.map((m) =>
    [m.id, m.createdAt.toISOString(), m.kind, m.reason ? `${m.state} (${m.reason})` : m.state, m.recipient ?? "-"].join(
      "  ",
    ),
  );
  return print(rows.length > 0 ? rows.join("\n") : "no messages");
}

function story(message: Awaited<ReturnType<typeof findMessage>>): string {
  const head = [
    `${message.kind} to ${message.recipient ?? "nobody"}${message.username ? ` (${message.username})` : ""}`,
    message.reason ? `${message.state}: ${message.reason}` : message.state,
  ];
  return [...head, ...message.timeline.map(({ at, text }) => `${at.toISOString()}  ${text}`)].join("\n");
}

function requireArgument([first]: readonly string[], what: string): string {
  if (!first) throw new InvalidInput(`Give ${what}.`);
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(first)) throw new InvalidInput(`${first} is not ${what}.`);
  return first;
}

function requireAddress([first]: readonly string[]): string {
  const email = first && normaliseAddress(first);
  if (!email) throw new InvalidInput("Give an e-mail address.");
  return email;
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}
