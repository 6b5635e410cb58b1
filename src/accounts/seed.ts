import { and, eq, isNull } from "drizzle-orm";
import { requireAddress } from "../addresses.ts";
import { user } from "../db/schema.ts";
import { ConfigError, WeakPassword } from "../errors.ts";
import { SUPERUSER_DEPT, type RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { createUser } from "./users.ts";

/** The staff that embedded mode is seeded with; all share `DEMO_PASSWORD`. Made in this order: the boss is the last. */
const DEMO_STAFF = [
  { name: "Dwight Schrute", email: "dschrute@dm.com", dept: "sales", bio: "Assistant to the regional manager." },
  { name: "Jim Halpert", email: "jhalpert@dm.com", dept: "sales" },
  { name: "Pam Beesly", email: "pbeesly@dm.com", dept: "reception" },
  { name: "Angela Martin", email: "amartin@dm.com", dept: "accounting", currency: "EUR" },
  { name: "Michael Scott", email: "mscott@dm.com", dept: SUPERUSER_DEPT, bio: "World's best boss." },
] as const;

const BOSS = DEMO_STAFF[4];

const NO_REQUEST: RequestContext = { client: { ip: null, browser: null }, locale: "en", requestId: null };

/**
 * Makes the demo staff in an empty database, without mail, and completes an interrupted seeding. It leaves any other
 * database alone.
 * @throws {ConfigError} when the password is refused.
 */
export async function seedDemoStaff(deps: Deps, password: string): Promise<void> {
  const accounts = await deps.db.orm.select({ email: user.email }).from(user).limit(DEMO_STAFF.length);
  const made = new Set<string>(accounts.map(({ email }) => email));
  const missing = DEMO_STAFF.filter(({ email }) => !made.has(email));
  if (!missing.includes(BOSS) || missing.length + made.size > DEMO_STAFF.length) return;
  try {
    for (const person of missing) await createUser(deps, null, { ...person, password }, NO_REQUEST, { quiet: true });
  } catch (error) {
    if (error instanceof WeakPassword) throw new ConfigError([`DEMO_PASSWORD cannot be used: ${error.message}`]);
    throw error;
  }
}

/** True while the demo staff's superuser can log in with `DEMO_PASSWORD`. */
export async function demoPasswordWorks({ config, db, hasher }: Deps): Promise<boolean> {
  if (config.demoPassword === null) return false;
  const [boss] = await db.orm
    .select({ passwordHash: user.passwordHash })
    .from(user)
    .where(and(eq(user.email, requireAddress(BOSS.email)), isNull(user.disabledAt)));
  using place = hasher.enter("start");
  return await hasher.verify(config.demoPassword, boss?.passwordHash ?? null, place);
}
