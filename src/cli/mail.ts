/** `dundie mail …`: the outbox from the command line, by the same functions as `/message/`. */
import { type Address, normaliseAddress } from "../addresses.ts";
import { MESSAGE_STATES } from "../db/states.ts";
import {
  cancelMessage,
  liftSuppression,
  pauseMail,
  resumeMail,
  retryMessage,
  suppressAddress,
  type Operator,
} from "../accounts/mail-operations.ts";
import { isKindName } from "../mail/kinds.ts";
import { findMessage, listMessages } from "../mail/operations/messages.ts";
import { readStats, type MailStats } from "../mail/operations/stats.ts";
import { columns, defineCommand, oneLine, print, UsageError } from "./command.ts";
import { connected, OPERATOR as CONTEXT } from "./connected.ts";

const OPERATOR: Operator = { caller: null, context: CONTEXT };

const listCommand = defineCommand({
  name: "mail list",
  synopsis: "[--state STATE] [--kind KIND] [--recipient ADDRESS] [--limit N]",
  summary: "List messages, newest first.",
  details: `
  --state STATE        ${MESSAGE_STATES.join(", ")}
  --kind KIND          such as password_reset
  --recipient ADDRESS  those to one address
  --limit N            1 to 1000 (50)`,
  options: {
    state: { type: "string" },
    kind: { type: "string" },
    recipient: { type: "string" },
    limit: { type: "string", default: "50" },
  },
  read({ state: stateText, kind, recipient, limit: limitText }) {
    const state = MESSAGE_STATES.find((one) => one === stateText);
    if (stateText !== undefined && !state)
      throw new UsageError(`--state takes ${MESSAGE_STATES.join(", ")}, not '${stateText}'.`);
    if (kind !== undefined && !isKindName(kind)) throw new UsageError(`There is no kind '${kind}'.`);
    const limit = Number(limitText);
    if (!/^\d+$/.test(limitText) || limit < 1 || limit > 1000) throw new UsageError("--limit takes 1 to 1000.");
    return connected(async ({ db }) => {
      const filter = { state, kind, recipient: recipient && (normaliseAddress(recipient) ?? recipient) };
      const { items } = await listMessages(db, filter, { limit });
      const rows = items.map((m) => [
        m.id,
        m.createdAt.toISOString(),
        m.kind,
        m.reason ? `${m.state} (${m.reason})` : m.state,
        m.recipient ?? "-",
      ]);
      return print(
        rows.length > 0 ? columns([["ID", "CREATED", "KIND", "STATE", "RECIPIENT"], ...rows]) : "no messages",
      );
    });
  },
});

const showCommand = defineCommand({
  name: "mail show",
  synopsis: "ID",
  summary: "Show the timeline of one message.",
  takes: ["ID"],
  read(_, [text]) {
    const id = messageId(text);
    return connected(async ({ db }) => print(timeline(await findMessage(db, id))));
  },
});

const retryCommand = defineCommand({
  name: "mail retry",
  synopsis: "ID",
  summary: "Send a failed or cancelled message again, as a new one.",
  takes: ["ID"],
  read(_, [text]) {
    const id = messageId(text);
    return connected(async (deps) => print(`queued as ${await retryMessage(deps, OPERATOR, id)}`));
  },
});

const cancelCommand = defineCommand({
  name: "mail cancel",
  synopsis: "ID",
  summary: "Cancel a queued message.",
  takes: ["ID"],
  read(_, [text]) {
    const id = messageId(text);
    return connected(async (deps) => {
      await cancelMessage(deps, OPERATOR, id);
      return print("cancelled");
    });
  },
});

const pauseCommand = defineCommand({
  name: "mail pause",
  synopsis: "",
  summary: "Stop every courier from claiming messages.",
  read: () =>
    connected(async (deps) => {
      await pauseMail(deps, OPERATOR);
      return print("paused: requests are accepted, nothing is sent until `dundie mail resume`");
    }),
});

const resumeCommand = defineCommand({
  name: "mail resume",
  synopsis: "",
  summary: "Let the couriers claim messages again.",
  read: () =>
    connected(async (deps) => {
      await resumeMail(deps, OPERATOR);
      return print("resumed");
    }),
});

const suppressCommand = defineCommand({
  name: "mail suppress",
  synopsis: "ADDRESS [NOTE]",
  summary: "Send no more mail to an address.",
  takes: ["ADDRESS", "NOTE…"],
  read(_, [text, ...note]) {
    const email = address(text);
    return connected(async (deps) => {
      await suppressAddress(deps, OPERATOR, email, note.join(" ") || null);
      return print(`no more mail goes to ${email}`);
    });
  },
});

const liftCommand = defineCommand({
  name: "mail lift",
  synopsis: "ADDRESS",
  summary: "Send mail to a suppressed address again.",
  takes: ["ADDRESS"],
  read(_, [text]) {
    const email = address(text);
    return connected(async (deps) => {
      await liftSuppression(deps, OPERATOR, email);
      return print(`mail goes to ${email} again`);
    });
  },
});

const statsCommand = defineCommand({
  name: "mail stats",
  synopsis: "[--json]",
  summary: "Show how many messages wait, for how long, and what the couriers report.",
  details: `
  --json  all figures, as JSON`,
  options: { json: { type: "boolean", default: false } },
  read: ({ json }) =>
    connected(async ({ db }) => {
      const stats = await readStats(db);
      return print(json ? JSON.stringify(stats, null, 2) : summary(stats));
    }),
});

export const MAIL_COMMANDS = [
  listCommand,
  showCommand,
  retryCommand,
  cancelCommand,
  pauseCommand,
  resumeCommand,
  suppressCommand,
  liftCommand,
  statsCommand,
];

function summary(stats: MailStats): string {
  const { queued, sending, latencySeconds, recentAttempts, ended, couriers, degraded } = stats;
  const seconds = (value: number | null): string => (value === null ? "-" : `${value.toFixed(1)} s`);
  const waiting = Object.entries(queued).map(([lane, count]) => `${lane} ${count}`);
  const ages = Object.entries(stats.oldestUnsentSecondsByLane).flatMap(([lane, age]) =>
    age === null ? [] : [`${lane} ${seconds(age)}`],
  );
  const { total, deferred, lastDeferral } = recentAttempts;
  const endings = ended.map(({ state, reason, count }) => `${reason ? `${state} (${reason})` : state} ${count}`);
  return columns([
    ["queued", waiting.join(", ")],
    ["sending", String(sending)],
    ["oldest unsent", ages.join(", ") || "nothing waits"],
    [
      "deferred",
      `${deferred} of ${total} attempts (last ${recentAttempts.seconds / 60} minutes)${lastDeferral ? `: ${oneLine(lastDeferral)}` : ""}`,
    ],
    ["latency", `p50 ${seconds(latencySeconds.p50)}, p99 ${seconds(latencySeconds.p99)} (last hour)`],
    ["ended", `${endings.join(", ") || "nothing"} (last 24 hours)`],
    ...(couriers.length === 0
      ? [
          [
            "couriers",
            "none has been seen in the last minute, so nothing is being sent: start one with `dundie worker`",
          ],
        ]
      : []),
    ...couriers.map(({ host, pid, breaker, lastReply }) => [
      "courier",
      `${host} (pid ${pid}), breaker ${breaker}${lastReply ? `: ${oneLine(lastReply)}` : ""}`,
    ]),
    ...degraded.map(({ text }) => ["degraded", oneLine(text)]),
  ]);
}

function timeline(message: Awaited<ReturnType<typeof findMessage>>): string {
  const head = [
    `${message.kind} to ${message.recipient ?? "no address yet"}${message.username ? ` (${message.username})` : ""}`,
    message.reason ? `${message.state}: ${message.reason}` : message.state,
  ];
  return [...head, ...message.timeline.map(({ at, text }) => `${at.toISOString()}  ${oneLine(text)}`)].join("\n");
}

function messageId(text = ""): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text))
    throw new UsageError(`'${text}' is not a message id.`);
  return text.toLowerCase();
}

function address(text = ""): Address {
  const email = normaliseAddress(text);
  if (!email) throw new UsageError(`'${text}' is not an email address.`);
  return email;
}
