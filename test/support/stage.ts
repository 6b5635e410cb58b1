/** The whole of dundie as `serve` runs it, with people and mail in it to look at. */
import type { Environment } from "../../src/config.ts";
import type { Sql } from "../../src/db/client.ts";
import { startApplication } from "./application.ts";
import { PASSWORD } from "./client.ts";
import { until } from "./waiting.ts";

export interface Stage extends AsyncDisposable {
  readonly origin: string;
  /** The password of every account. */
  readonly password: string;
  /** Makes an account. Its email is not waited for. */
  person(): Promise<{ readonly username: string; readonly email: string }>;
  /** Makes an account without a password. */
  invite(): Promise<{ readonly email: string }>;
  /** An account on its way from one address to another. */
  moveAddress(): Promise<{ readonly email: string; readonly newEmail: string }>;
  /** Of the newest email to this address; waits for it. */
  linkFor(email: string): Promise<string>;
  /** Has an email of each kind sent to the inbox. */
  fillInbox(): Promise<void>;
}

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const NAMES = [
  "Kevin Malone",
  "Oscar Martinez",
  "Stanley Hudson",
  "Phyllis Lapin",
  "Meredith Palmer",
  "Creed Bratton",
  "Toby Flenderson",
  "Darryl Philbin",
  "Ryan Howard",
  "Kelly Kapoor",
  "Andy Bernard",
  "Erin Hannon",
  "Jan Levinson",
  "Holly Flax",
  "Gabe Lewis",
  "Nellie Bertram",
  "Clark Green",
  "Pete Miller",
  "Karen Filippelli",
  "Roy Anderson",
  "David Wallace",
  "Jo Bennett",
  "Todd Packer",
  "Robert California",
];

/** Mail goes to the development inbox. */
export async function startInboxStage(): Promise<Stage> {
  const { app, call, ask, logIn } = await startStage({ SMTP_URL: "inbox" });
  let made = 0;
  const newcomer = async (password?: string): Promise<{ username: string; email: string }> => {
    const name = NAMES[made % NAMES.length] ?? "";
    const round = Math.floor(made / NAMES.length);
    made += 1;
    const username = name.toLowerCase().replace(" ", "-") + (round > 0 ? `-${round + 1}` : "");
    const email = addressOf(name).replace("@", round > 0 ? `${round + 1}@` : "@");
    await call("POST", "/user/", { name, username, email, dept: "sales", ...(password ? { password } : {}) });
    return { username, email };
  };
  return {
    origin: app.url,
    password: PASSWORD,
    person: () => newcomer(PASSWORD),
    invite: () => newcomer(),
    async moveAddress() {
      const { username, email } = await newcomer(PASSWORD);
      const newEmail = `new-${email}`;
      const body = { email: newEmail, current_password: PASSWORD };
      await call("POST", "/user/me/email/", body, await logIn(username));
      return { email, newEmail };
    },
    linkFor: app.linkTo,
    async fillInbox() {
      await call("POST", "/user/", {
        name: "Charles Miner",
        email: "cminer@dm.com",
        dept: "management",
        password: PASSWORD,
      });
      await ask("pbeesly@dm.com", "pt-BR");
      const token = await logIn("dwight-schrute");
      const change = {
        current_password: PASSWORD,
        password: "beets, bears, battlestar",
        password_confirm: "beets, bears, battlestar",
      };
      await call("POST", "/user/dwight-schrute/password/", change, token);
      await call(
        "POST",
        "/user/me/email/",
        { email: "big-tuna@example.com", current_password: PASSWORD },
        await logIn("jim-halpert"),
      );
      await ask("mscott@dm.com");
      await call("POST", "/user/", { name: "Deangelo Vickers", email: "dvickers@dm.com", dept: "human resources" });
      await until(async () => {
        const listed = (await (await fetch(`${app.url}/inbox/messages`)).json()) as unknown[];
        return listed.length >= 7;
      });
    },
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  };
}

export interface OutboxStage extends AsyncDisposable {
  readonly origin: string;
  readonly password: string;
  /** @returns the addresses of emails that have a timeline. */
  anHourOfMail(): Promise<Readonly<Record<"greylisted" | "rejected" | "waiting", string>>>;
  /** The SMTP server refuses every connection, as if it had for some minutes. */
  outage(): Promise<void>;
  recovery(): Promise<void>;
}

/** Mail goes to an SMTP server that does as it is told. */
export async function startOutboxStage(): Promise<OutboxStage> {
  const { app, call, ask } = await startStage();
  const { smtp, sql } = app;
  const nothingOnItsWay = () =>
    until(async () => (await sql`select 1 from message where state in ('queued', 'sending')`).length === 0, {
      timeoutMs: 60_000,
    });
  const people = { greylisted: "kmalone@dm.com", rejected: "cbratton@dm.com", waiting: "omartinez@dm.com" };
  const lost = new Set<string>();
  const refusals = new Map<string, number>();
  const misbehave = (): void =>
    smtp.behave(({ phase, recipient, messageId }) => {
      if (phase === "rcpt" && recipient === people.rejected) {
        return { reply: `550 5.1.1 <${recipient}>: Recipient address rejected: User unknown in virtual mailbox table` };
      }
      const before = refusals.get(recipient ?? "") ?? 0;
      if (phase === "rcpt" && recipient === people.greylisted && before < 2) {
        refusals.set(recipient, before + 1);
        return { reply: `450 4.2.0 <${recipient}>: Recipient address rejected: Greylisted, please come back later` };
      }
      // Once the email was read and no reply came: it goes out again, the same to the byte.
      if (phase === "reply" && recipient === "shudson@dm.com" && messageId && !lost.has(messageId)) {
        lost.add(messageId);
        return lost.size === 1 ? { hangUp: "before" } : null;
      }
      return null;
    });

  return {
    origin: app.url,
    password: PASSWORD,
    async anHourOfMail() {
      const staff = NAMES.map(addressOf);
      for (const [at, name] of NAMES.entries()) {
        const invited = at % 3 === 0;
        const person = { name, email: addressOf(name), dept: "sales" };
        await call("POST", "/user/", invited ? person : { ...person, password: PASSWORD });
      }
      await nothingOnItsWay();
      misbehave();
      await call("POST", "/message/suppress/", { email: "tpacker@dm.com", note: "Left, and asked for no more mail" });
      await call("POST", "/user/roy-anderson/disable/");
      const plain = staff.filter((email) => !Object.values(people).includes(email));
      for (let at = 0; at < 130; at += 1) {
        await ask(at % 17 === 5 ? `visitor${at}@example.com` : (plain[at % plain.length] ?? ""));
        // A second email to an account whose first still waits would take its place.
        if (at % 10 === 9) await nothingOnItsWay();
      }
      await ask(people.greylisted);
      await nothingOnItsWay();
      await call("POST", "/message/pause/");
      for (const email of ["hflax@dm.com", "kkapoor@dm.com", "kkapoor@dm.com", "jbennett@dm.com"]) await ask(email);
      const [last] = await call("GET", "/message/?limit=1");
      await call("POST", `/message/${last.id}/cancel/`);
      await call("POST", "/message/resume/");
      await ask(people.rejected);
      for (const email of ["pbeesly@dm.com", "jhalpert@dm.com", "dschrute@dm.com", "amartin@dm.com"]) await ask(email);
      await nothingOnItsWay();
      await spread(sql, 0);
      return people;
    },
    async outage() {
      const before = Number((await sql`select count(*) from message`)[0]?.["count"]);
      smtp.behave(({ phase }) =>
        phase === "greeting" ? { reply: "421 4.3.2 Service not available, try again later" } : null,
      );
      smtp.hangUpAll();
      for (const email of ["hflax@dm.com", "ehannon@dm.com", people.waiting, "abernard@dm.com", "kkapoor@dm.com"]) {
        await ask(email);
      }
      await call("POST", "/user/", { name: "Charles Miner", email: "cminer@dm.com", dept: "management" });
      for (const email of ["dphilbin@dm.com", "jlevinson@dm.com", "glewis@dm.com"]) await ask(email);
      await until(async () => {
        const { couriers } = await call("GET", "/message/stats");
        return couriers[0]?.breaker === "open";
      });
      await spread(sql, Number((await sql`select count(*) from message`)[0]?.["count"]) - before);
    },
    async recovery() {
      misbehave();
      await nothingOnItsWay();
    },
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  };
}

/** The app, and a superuser who calls it. */
async function startStage(environment: Environment = {}) {
  const app = await startApplication({
    SUPPORT_ADDRESS: "help@dm.com",
    APP_URL: "https://app.dm.com",
    REGISTRATION: "on",
    ...environment,
  });
  const logIn = async (username: string): Promise<string> => (await app.logIn(username)).access_token;
  const superuser = await logIn("michael-scott");
  return {
    app,
    logIn,
    // oxlint-disable-next-line no-explicit-any -- the caller knows what the answer holds.
    async call(method: string, path: string, json?: unknown, token = superuser): Promise<any> {
      const answer = await app.call(method, path, { json, token, headers: { "user-agent": FIREFOX } });
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    ask: (email: string, language = "en") =>
      app.requestReset(email, { "user-agent": FIREFOX, "accept-language": language }),
  };
}

/**
 * Lays what came within seconds over the last hour, in the same order: ids, which say when a request was read, times
 * and attempts, all moved by the same.
 *
 * @param late the newest of them came within the last minutes, as many as these.
 */
async function spread(sql: Sql, late: number): Promise<void> {
  await until(() =>
    sql.begin(async (tx) => {
      await tx`lock table message, attempt in exclusive mode`;
      const rows = await tx<{ id: string; state: string; createdAt: number }[]>`
        select id, state, extract(epoch from created_at)::float8 * 1000 as "createdAt" from message order by id`;
      // The ids of messages that are being sent must not change.
      if (rows.some(({ state }) => state === "sending")) return null;
      const early = rows.length - late;
      const now = Date.now();
      const moves = rows.map(({ id, createdAt }, at) => {
        const part = at < early ? at / early : (at - early) / late;
        const minutes = at < early ? 58 * (1 - part) + 1.8 * Math.sin(part * 19) + (late ? 5 : 0) : 4 * (1 - part);
        const then = Math.round(now - Math.max(minutes, 0.05) * 60_000);
        const hex = then.toString(16).padStart(12, "0");
        return {
          id,
          moved: `${hex.slice(0, 8)}-${hex.slice(8)}${id.slice(13)}`,
          by: (createdAt - then) / 1000 - 0.004,
        };
      });
      const ids = moves.map(({ id }) => id);
      const moved = moves.map((move) => move.moved);
      const seconds = moves.map(({ by }) => by);
      await tx`set local session_replication_role = replica`;
      await tx`update attempt set message_id = m.moved, started_at = started_at - m.by * interval '1 second',
          ended_at = ended_at - m.by * interval '1 second'
        from unnest(${ids}::uuid[], ${moved}::uuid[], ${seconds}::float8[]) m (id, moved, by) where message_id = m.id`;
      await tx`update one_time_token set message_id = m.moved
        from unnest(${ids}::uuid[], ${moved}::uuid[]) m (id, moved) where message_id = m.id`;
      await tx`update message set id = m.moved, created_at = created_at - m.by * interval '1 second',
          ended_at = ended_at - m.by * interval '1 second', due_at = due_at - m.by * interval '1 second',
          expires_at = expires_at - m.by * interval '1 second'
        from unnest(${ids}::uuid[], ${moved}::uuid[], ${seconds}::float8[]) m (id, moved, by) where message.id = m.id`;
      return true;
    }),
  );
}

/** kevin malone -> kmalone@dm.com */
function addressOf(name: string): string {
  const [first = "", last = ""] = name.toLowerCase().split(" ");
  return `${first[0]}${last}@dm.com`;
}
