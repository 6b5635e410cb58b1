/** The application under attack, with three accounts that are replaced whenever an attack has changed them. */
import type { Deps } from "../../src/accounts/deps.ts";
import { canonical } from "../../src/accounts/passwords.ts";
import { startApi, type Answer, type Call, type TestApi } from "../support/api.ts";
import { readDocument, type Operation } from "./document.ts";
import { takeEffects, watchEffects, type Effect } from "./effects.ts";
import { LISTED_ORIGIN } from "./hostile.ts";
import type { AccountName, Possession, Ref } from "./refs.ts";

export interface Account {
  readonly id: string;
  readonly email: string;
  readonly username: string;
}

export interface World extends AsyncDisposable {
  readonly api: TestApi;
  readonly port: number;
  readonly operations: readonly Operation[];
  /** The accounts at the moment when the request was sent. */
  readonly accounts: ReadonlyMap<AccountName, Account>;
  /** Makes sure that the values of all these references exist and are valid. */
  prepare(refs: readonly Ref[]): Promise<void>;
  valueOf(ref: Ref): string;
  /** @returns what changed since `prepare`. Values that became invalid are made again before they are used. */
  takeEffects(): Promise<Effect[]>;
}

/** Hashes with little memory: at 30 ms for each hash, fifty times fewer requests would be sent in the same time. */
const CHEAP = { algorithm: "argon2id", memoryCost: 8, timeCost: 1 } as const;
const cheapHasher: Omit<Deps["hasher"], "enter"> = {
  hash: (password) => Bun.password.hash(canonical(password), CHEAP),
  verify: async (password, hash) => hash !== null && (await Bun.password.verify(canonical(password) || " ", hash)),
  needsRehash: () => false,
  load: () => ({ running: 0, waiting: 0 }),
};

const LINK_EMAILS: Partial<Record<Possession, string>> = {
  reset: "password_reset",
  verify: "email_verification",
  change: "email_change_confirmation",
  freeze: "email_change_notice",
  registration: "registration",
};

interface Holder extends Account {
  readonly password: string;
  readonly possessions: Map<Possession, string>;
}

export async function createWorld(): Promise<World> {
  // Limits hold, as in production; each client has an address of its own, which our own proxy tells.
  const api = await startApi({
    REGISTRATION: "on",
    RATE_LIMIT: "on",
    TRUST_PROXY: "127.0.0.1",
    CORS_ORIGINS: LISTED_ORIGIN,
    ACCESS_TOKEN_EXPIRE_MINUTES: "600",
    RESET_TOKEN_EXPIRE_MINUTES: "600",
  });
  Object.assign(api.deps.hasher, cheapHasher);
  await api.sql`update "user" set password_hash = ${await cheapHasher.hash(KEEPER_PASSWORD, KEEPER)} where username = ${KEEPER}`;
  const document = await api.call("GET", "/openapi.json");
  await watchEffects(api.sql);

  const holders = new Map<AccountName, Holder>();
  let number = 0;

  /** Each call has a new client address, so that no limit applies. */
  const call = async (method: string, path: string, { headers, ...rest }: Call): Promise<Answer> => {
    number += 1;
    const address = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
    const ask = () => api.call(method, path, { ...rest, headers: { "x-forwarded-for": address, ...headers } });
    let answer = await ask();
    if (answer.status === 429) {
      // The attack has used up the guesses at this account.
      await api.sql`delete from login_throttle`;
      answer = await ask();
    }
    if (answer.status >= 300) {
      throw new Error(
        `The accounts cannot be prepared: ${method} ${path} ${answer.status} ${JSON.stringify(answer.body)}`,
      );
    }
    return answer;
  };
  const logIn = async (username: string, password: string) => {
    const { body } = await call("POST", "/token", { form: { username, password } });
    return body as { access_token: string; refresh_token: string };
  };
  let keeper: Promise<string> | undefined;
  const keepers = () => (keeper ??= logIn(KEEPER, KEEPER_PASSWORD).then((tokens) => tokens.access_token));

  const make = async (name: AccountName): Promise<Holder> => {
    number += 1;
    const password = `wide awake at ${number} o'clock`;
    const email = `${name}${number}@example.org`;
    const json = { name: `${name} ${number}`, email, dept: name === "boss" ? "management" : "sales", password };
    const { body } = await call("POST", "/user/", { token: await keepers(), json });
    const [row] = await api.sql<{ id: string }[]>`select id from "user" where email = ${email}`;
    const holder = { id: row!.id, email, username: body.username as string, password, possessions: new Map() };
    await renew(holder);
    return holder;
  };

  const renew = async ({ username, password, possessions }: Holder): Promise<void> => {
    const tokens = await logIn(username, password);
    possessions.set("access", tokens.access_token).set("refresh", tokens.refresh_token);
    possessions.delete("session");
  };

  const acquire = async (holder: Holder, what: Possession): Promise<string | null> => {
    const { id, username, email, password, possessions } = holder;
    let newAddress = "";
    const newest = async (rows: Promise<readonly { id: string }[]>) => (await rows)[0]?.id ?? null;
    switch (what) {
      case "username":
      case "email":
      case "password":
        return holder[what];
      case "invited": {
        const json = { name: `Invited ${(number += 1)}`, email: `invited${number}@example.org`, dept: "sales" };
        return (await call("POST", "/user/", { token: await keepers(), json })).body.username;
      }
      case "access":
      case "refresh":
        await renew(holder);
        return possessions.get(what) ?? null;
      case "session":
        return newest(
          api.sql`select id from session where user_id = ${id} and revoked_at is null order by id desc limit 1`,
        );
      case "message":
        return newest(api.sql`select id from message where user_id = ${id} order by id desc limit 1`);
      case "cancelled": {
        const message = await newest(
          api.sql`select id from message where user_id = ${id} and state = 'queued' order by id desc limit 1`,
        );
        if (message !== null) await call("POST", `/message/${message}/cancel/`, { token: await keepers() });
        return message;
      }
      case "event":
        return newest(api.sql`select id from audit_event where subject_id = ${id} order by id desc limit 1`);
      case "etag":
        return (await call("GET", `/user/${username}/`, {})).headers.get("etag");
      case "reset":
        await call("POST", "/user/pwd_reset_token/", { json: { email } });
        break;
      case "registration":
        newAddress = `new${(number += 1)}@example.org`;
        await call("POST", "/register/", { json: { email: newAddress } });
        break;
      case "verify":
      case "change":
      case "freeze": {
        if (!possessions.has("access")) await renew(holder);
        newAddress = `new${(number += 1)}@example.org`;
        const json = { email: what === "verify" ? email : newAddress, current_password: password };
        const token = possessions.get("access") ?? "";
        // The account may have asked as often as it may.
        const asked = await call("POST", "/user/me/email/", { json, token }).catch(() => null);
        if (!asked) return null;
      }
    }
    // The attack may have paused the courier.
    await call("POST", "/message/resume/", { token: await keepers() });
    const emails = await api.deliver();
    for (const [one, kind] of Object.entries(LINK_EMAILS)) {
      const to = one === "change" || one === "registration" ? newAddress : email;
      const found = emails.find((sent) => sent.kind === kind && sent.to === to);
      if (found?.token) possessions.set(one as Possession, found.token);
    }
    return possessions.get(what) ?? null;
  };

  /** @returns false when the account had to be replaced: the values that were prepared for it are lost. */
  const provide = async ({ account, what }: Ref): Promise<boolean> => {
    const holder = holders.get(account) ?? (await make(account));
    holders.set(account, holder);
    const value = holder.possessions.get(what) ?? (await acquire(holder, what));
    if (value !== null) holder.possessions.set(what, value);
    // The account cannot have this value any more, because its address is confirmed or its emails are limited.
    else holders.set(account, await make(account));
    return value !== null;
  };

  const prepare = async (refs: readonly Ref[]): Promise<void> => {
    for (let round = 0; ; round += 1) {
      let good = true;
      for (const ref of refs) good = (await provide(ref)) && good;
      if (good) break;
      if (round > 5) throw new Error(`The accounts cannot be prepared: ${JSON.stringify(refs)}`);
    }
    await takeEffects(api.sql);
  };

  for (const name of ["owner", "other", "boss"] as const) holders.set(name, await make(name));
  return {
    api,
    port: Number(new URL(api.url).port),
    operations: readDocument(document.body, api.facts),
    accounts: holders,
    prepare,
    valueOf: ({ account, what }) => holders.get(account)?.possessions.get(what) ?? "",
    async takeEffects() {
      const effects = await takeEffects(api.sql);
      for (const effect of effects) spoil(holders, effect);
      return effects;
    },
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}

/** One of the demo staff that makes the accounts. No request of the attack names it, so it stays as it is. */
const KEEPER = "michael-scott";
const KEEPER_PASSWORD = "the keeper of the attack";

/** Forgets the values that the effect has made invalid. */
function spoil(holders: Map<AccountName, Holder>, { table, change, owner, before, after }: Effect): void {
  for (const [name, { id, possessions }] of holders) {
    // The link of a registration belongs to no account, or to the one that it has made.
    if ((after ?? before)?.["purpose"] === "registration") possessions.delete("registration");
    if (id !== owner) continue;
    if (table === "user") holders.delete(name);
    else if (table === "session" && change === "UPDATE" && after?.["revoked_at"] !== null) {
      for (const what of ["access", "refresh", "session"] as const) possessions.delete(what);
    } else if (table === "refresh_token" && change === "UPDATE") possessions.delete("refresh");
    else if (table === "one_time_token") {
      for (const what of ["reset", "verify", "change", "freeze"] as const) possessions.delete(what);
    } else if (table === "message") {
      for (const what of ["message", "cancelled"] as const) possessions.delete(what);
    }
  }
}
