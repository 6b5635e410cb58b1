/** What a request may change, by what it was answered and by who sent it. */
import type { Case } from "./case.ts";
import type { Effect } from "./effects.ts";
import { accountOf, type Possession } from "./refs.ts";
import { refsOf } from "./requests.ts";

/** A refusal may only be counted and audited. A refresh token that was used before also ends its session. */
export function effectsOfRefusal({ attack, effects }: Case): string[] {
  const reuse = attack.operation.path === "/refresh_token";
  return effects
    .filter(({ table, change }) => {
      if (table === "login_throttle") return false;
      if (table === "audit_event") return change !== "INSERT";
      return !(reuse && table === "session" && change === "UPDATE");
    })
    .map((effect) => `a refusal had an effect: ${tell(effect)}`);
}

/** The possessions that give access to their account without a login, by route. */
const KEYS: Readonly<Record<string, readonly Possession[]>> = {
  "/token": ["password"],
  "/refresh_token": ["refresh"],
  "/revoke": ["refresh", "access"],
  "/user/password/": ["reset"],
  "/user/{username}/password/": ["reset"],
  "/email/confirm/": ["verify", "change"],
  "/email/freeze/": ["freeze"],
  "/register/complete/": ["registration"],
};

/** A request that succeeds changes an account only for its owner, for the holder of a key to it, or for a superuser. */
export function effectsOfSuccess(one: Case): string[] {
  const { attack, effects, accounts } = one;
  if (["GET", "HEAD", "OPTIONS"].includes(attack.method)) {
    return effects.map((effect) => `${attack.method} had an effect: ${tell(effect)}`);
  }
  const mine = accounts.get(accountOf(attack.role) ?? "owner")?.id ?? "";
  const opened = refsOf(attack)
    .filter(({ what }) => KEYS[attack.operation.path]?.includes(what))
    .map(({ account }) => accounts.get(account)?.id ?? "");
  const allowed = new Set([...opened, ...(attack.role === "anonymous" ? [] : [mine])]);
  const superuser = attack.role === "superuser";
  const accused = effects.filter((effect) => {
    if (superuser || effect.table === "login_throttle" || isAllowedToAll(effect, one)) return false;
    return effect.owner === null || !allowed.has(effect.owner) || isPrivileged(effect, one);
  });
  const unaudited =
    effects.some(({ table }) => table === "user") && !effects.some(({ table }) => table === "audit_event");
  return [
    ...accused.map((effect) => `no permission for this effect: ${tell(effect)}`),
    ...(unaudited ? ["an account was made or changed without an audit event"] : []),
  ];
}

/** Everyone may request emails to any address, and create a guest's account with the link of a registration. */
function isAllowedToAll({ table, change, before, after, owner }: Effect, { attack, effects }: Case): boolean {
  const row = after ?? before ?? {};
  switch (attack.operation.path) {
    case "/user/pwd_reset_token/":
      return table === "message" && change === "INSERT" && row["kind"] === "password_reset";
    case "/register/":
      return table === "message" && change === "INSERT" && row["kind"] === "registration";
    case "/register/complete/": {
      const made = effects.find((effect) => effect.table === "user" && effect.change === "INSERT");
      if (!made || !refsOf(attack).some(({ what }) => what === "registration")) return false;
      if (table === "user") return change === "INSERT" && row["dept"] === "guest" && row["disabled_at"] === null;
      if (table === "one_time_token" && row["purpose"] === "registration") return change === "UPDATE";
      return owner === made.owner && change !== "DELETE";
    }
    default:
      return false;
  }
}

/** Columns of an account that its owner cannot change without a link or the current password. */
function isPrivileged({ table, change, before, after }: Effect, { attack }: Case): boolean {
  if (table !== "user" || change !== "UPDATE") return false;
  const moved = (column: string) => before?.[column] !== after?.[column];
  const refs = new Set(refsOf(attack).map(({ what }) => what));
  const has = (...some: Possession[]) => some.some((what) => refs.has(what));
  return (
    ["id", "dept", "superuser", "name", "username", "currency", "created_at"].some(moved) ||
    (moved("email") && !has("change")) ||
    (moved("email_verified_at") && !has("verify", "change", "reset")) ||
    (moved("disabled_at") && !has("freeze")) ||
    (moved("password_hash") && !has("password", "reset", "freeze"))
  );
}

const tell = ({ table, change, before, after, owner }: Effect): string =>
  `${change} ${table} of ${owner}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`.slice(0, 1_000);
