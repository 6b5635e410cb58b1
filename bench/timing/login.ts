/** R41: does the time of a refused login, or of the next request, tell whether there is such an account? */
import { fileURLToPath } from "node:url";
import { createPasswordHasher } from "../../src/accounts/passwords.ts";
import { makeAccounts } from "../fixtures.ts";
import { addressOf } from "../generator.ts";
import { kill, type DundieOptions, type Ground } from "../ground.ts";
import { connect, get, post } from "./connection.ts";
import { accountsFor, comparePairs } from "./pairs.ts";
import { verdictsOf, type Options, type Said } from "./said.ts";

/**
 * How many pairs for one of resets: a hash takes some 25 ms, give or take 2, and what stands out of that grows with the
 * root of the number alone: 0.2 ms need some 6,000 pairs to be seen.
 */
export const LOGIN_TIMES = 6;

const PLANTED = fileURLToPath(new URL("./planted.ts", import.meta.url));

export async function timeLogins(ground: Ground, given: Options): Promise<Said[]> {
  const options = { ...given, pairs: given.pairs * LOGIN_TIMES };
  const plain = await timeCondition(ground, options, "R41 login", {});
  return [
    ...plain,
    ...(await timeCondition(ground, options, "R41 login, control: 0.2 ms planted", { entry: PLANTED })),
  ];
}

async function timeCondition(ground: Ground, options: Options, name: string, server: DundieOptions): Promise<Said[]> {
  const database = await ground.createDatabase("dundie");
  await makeAccounts(database.sql, accountsFor(options.pairs));
  const hash = await (await createPasswordHasher()).hash("a password that no login uses", "bench");
  await database.sql`update "user" set password_hash = ${hash}`;
  const api = await ground.startDundie("serve", database, server);
  const connection = await connect(api.url ?? "");
  try {
    const verdict = await comparePairs(connection, {
      ...options,
      known: (number) => login(addressOf(number)),
      unknown: (number) => login(addressOf(number).replace("known", "ghost")),
      // Cheap, so that what the login left behind would show.
      next: () => get("/health"),
      status: 401,
      nextStatus: 200,
      // Nothing of a refused login goes on behind its answer.
      restMs: [0, 2],
    });
    return verdictsOf(name, verdict, server.entry === undefined ? undefined : "first");
  } finally {
    connection.close();
    await kill(api);
    await database.drop();
  }
}

export const login = (username: string): string =>
  post(
    "/token",
    "application/x-www-form-urlencoded",
    new URLSearchParams({ username, password: "a wrong one, twelve" }).toString(),
  );
