/** Databases with their own settings, and errors that the database reports about itself and not about a message. */
import type { Scenario } from "./scenario.ts";
import type { Testbed } from "./testbed.ts";

/** Changes a setting of this scenario's database. It holds for connections that are opened from now on. */
const alterDatabase = async ({ cluster, databaseUrl }: Testbed, change: string): Promise<void> => {
  await cluster.administer((sql) => sql.unsafe(`alter database "${new URL(databaseUrl).pathname.slice(1)}" ${change}`));
};

const endConnections = ({ sql }: Testbed) => sql`
  select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name like 'dundie%'`;

/** What PostgreSQL reports about itself (its documentation, appendix A). None of these says anything about a message. */
const ERRORS = [
  ["53100", "disk_full"],
  ["53200", "out_of_memory"],
  ["53400", "configuration_limit_exceeded"],
  ["55P03", "lock_not_available"],
  ["57014", "query_canceled"],
  ["40001", "serialization_failure"],
  ["40P01", "deadlock_detected"],
  ["25006", "read_only_sql_transaction"],
  ["58030", "io_error"],
  ["XX000", "internal_error"],
] as const;

/** Every write of a one-time token fails with one of these errors, which is where a claim prepares its messages. */
const reportsErrors: Scenario = {
  name: "database-errors",
  fault: `${ERRORS.length} errors of the database inside a claim (${ERRORS.map(([code]) => code).join(", ")}), 3 s each`,
  takesAway: "the database",
  recoverySeconds: 60,
  async run(testbed) {
    const { sql } = testbed;
    await sql.unsafe(`
      create table certify_error (code text);
      create function certify_fail() returns trigger language plpgsql as $$
        declare failing text;
        begin
          execute format('select code from %I.certify_error', tg_argv[0]) into failing;
          if failing is not null then raise exception using errcode = failing, message = 'a fault of the certificate'; end if;
          return new;
        end $$;`);
    const [schema] = await sql<{ name: string }[]>`select current_schema() as name`;
    await sql.unsafe(`create trigger certify_fail before insert or update on one_time_token
      for each row execute function certify_fail('${schema?.name}')`);
    await testbed.serve();
    const emails = await testbed.createAccounts(ERRORS.length * 3);
    for (const [at, [code]] of ERRORS.entries()) {
      await sql`delete from certify_error`;
      await sql`insert into certify_error values (${code})`;
      await testbed.requestResets(emails.slice(at * 3, at * 3 + 3));
      await Bun.sleep(3_000);
    }
    // Long enough for a message to use up its chances, if such an error took one.
    await Bun.sleep(15_000);
    await sql`delete from certify_error`;
    testbed.faultsEnd();
  },
};

/** An ALTER TABLE or VACUUM FULL on an account table, and a database that limits lock waits. */
const lockTimeout: Scenario = {
  name: "database-lock-timeout",
  fault: 'the table "user" locked for 45 s in a database with lock_timeout = 500 ms: no message fails',
  takesAway: "the database",
  recoverySeconds: 60,
  async run(testbed) {
    await alterDatabase(testbed, "set lock_timeout = '500ms'");
    await testbed.serve();
    const emails = await testbed.createAccounts(10);
    await testbed.sql.begin(async (tx) => {
      await tx`lock table "user" in access exclusive mode`;
      await testbed.requestResets(emails);
      await Bun.sleep(45_000);
    });
    testbed.faultsEnd();
  },
};

/** What a client sees of a failover: sessions on the old primary are read-only, until they are closed. */
const readOnly: Scenario = {
  name: "database-read-only",
  fault: "a failover to read-only for 10 s and back: /health says so, and every session is writable within 15 s after",
  takesAway: "the database",
  async run(testbed) {
    await testbed.serve();
    await testbed.requestResets(await testbed.createAccounts(5));
    await alterDatabase(testbed, "set default_transaction_read_only = on");
    await testbed.explainCopies("the database connection was killed", () => endConnections(testbed));
    const load = await testbed.startLoad(5);
    await Bun.sleep(10_000);
    const { status } = await testbed.health();
    testbed.expect(status === 503, `/health answers 503 while the database is read-only (${status})`);
    await alterDatabase(testbed, "reset default_transaction_read_only");
    testbed.faultsEnd();
    await Bun.sleep(15_000);
    const after = await testbed.requestResets(await testbed.createAccounts(10));
    testbed.expect(
      after.every((request) => request.status === 200),
      "requests are answered 200 within 15 s after the failover",
    );
    const healthy = await testbed.health();
    testbed.expect(healthy.status === 200, `/health answers 200 within 15 s after the failover (${healthy.status})`);
    await load.stop();
  },
};

/** Settings that other applications ask their database for. */
const ownSettings: Scenario = {
  name: "database-settings",
  fault:
    "DateStyle = SQL, DMY, TimeZone = Asia/Kolkata, IntervalStyle = sql_standard, standard_conforming_strings = off",
  async run(testbed) {
    for (const setting of [
      "datestyle = 'SQL, DMY'",
      "timezone = 'Asia/Kolkata'",
      "intervalstyle = 'sql_standard'",
      "standard_conforming_strings = off",
      "extra_float_digits = -10",
      "bytea_output = 'escape'",
    ]) {
      await alterDatabase(testbed, `set ${setting}`);
    }
    await testbed.serve();
    await testbed.requestResets(await testbed.createAccounts(20));
    testbed.faultsEnd();
  },
};

const serializable: Scenario = {
  name: "database-serializable",
  fault: "default_transaction_isolation = serializable, two workers under load, and 12 logins at once",
  async run(testbed) {
    await alterDatabase(testbed, "set default_transaction_isolation = 'serializable'");
    const api = await testbed.serve();
    await testbed.worker();
    const load = await testbed.startLoad(40);
    const logins = Array.from({ length: 12 }, () =>
      fetch(new URL("/token", api.url ?? ""), {
        method: "POST",
        body: new URLSearchParams({ username: "person1", password: "not the password" }),
      }),
    );
    const statuses = (await Promise.all(logins)).map(({ status }) => status);
    testbed.expect(
      statuses.every((status) => status === 401),
      `wrong passwords are answered 401 (${statuses})`,
    );
    await Bun.sleep(8_000);
    await load.stop();
    testbed.faultsEnd();
  },
};

/** Maintenance, or a limit that other applications have reached: the server answers a connection with an error. */
const refusesConnections: Scenario = {
  name: "database-refuses",
  fault: "a database that refuses new connections with an error for 15 s (55000), after the old ones were closed",
  takesAway: "the database",
  async run(testbed) {
    await testbed.serve();
    await testbed.requestResets(await testbed.createAccounts(5));
    await alterDatabase(testbed, "allow_connections false");
    await testbed.explainCopies("the database connection was killed", () => endConnections(testbed));
    const load = await testbed.startLoad(10);
    await Bun.sleep(15_000);
    await alterDatabase(testbed, "allow_connections true");
    testbed.faultsEnd();
    await Bun.sleep(5_000);
    await load.stop();
  },
};

/** The claim has committed, its courier cannot know it, and nothing was sent. That must cost the message nothing. */
const commitReplyLost: Scenario = {
  name: "claim-commit-lost",
  fault: "the reply to the COMMIT of a claim lost: the message is sent, and no attempt is called unknown",
  takesAway: "the database",
  async run(testbed) {
    let losing = false;
    const proxy = await testbed.proxyDatabase({
      onReply(chunk, { opening }) {
        // CommandComplete of COMMIT, in a message of type "C" (PostgreSQL's protocol, "Message Formats").
        if (!losing || !opening.includes("dundie courier")) return "forward";
        return chunk.includes("C\0\0\0\vCOMMIT\0") ? "reset" : "forward";
      },
    });
    await testbed.serve({ COURIER: "off" });
    await testbed.worker({ DATABASE_URL: proxy.through(testbed.databaseUrl) });
    await testbed.requestResets(await testbed.createAccounts(2));
    await testbed.until(() => testbed.smtp.accepted >= 2, "the first emails are accepted");
    losing = true;
    const emails = await testbed.createAccounts(1);
    await testbed.requestResets(emails);
    // The claim commits the attempt that it is about to make, and its courier does not hear of the commit.
    await testbed.until(async () => (await testbed.sql`select 1 from attempt`).length > 2, "a message is claimed");
    losing = false;
    testbed.faultsEnd();
    await testbed.until(() => testbed.smtp.accepted >= 3, "the message is sent");
    const unknown = await testbed.sql`select 1 from attempt where outcome = 'unknown'`;
    testbed.expect(unknown.length === 0, `no attempt that sent nothing is recorded as unknown (${unknown.length})`);
  },
};

/** `synchronous_commit = off` breaks the promise that a 200 is committed. The operator must hear of it. */
const unsafeSettings: Scenario = {
  name: "database-unsafe-settings",
  fault: "synchronous_commit = off: named in the log at start",
  async run(testbed) {
    await alterDatabase(testbed, "set synchronous_commit = off");
    const api = await testbed.serve();
    await testbed.requestResets(await testbed.createAccounts(5));
    await testbed.until(() => testbed.smtp.accepted >= 5, "the emails are accepted");
    const named = api.log().some((line) => /synchronous_commit/.test(JSON.stringify(line)));
    testbed.expect(named, "the log names synchronous_commit");
    testbed.faultsEnd();
  },
};

/** Logins wait for a lock on the account table, and take every connection of the API's pool meanwhile. */
const busyPool: Scenario = {
  name: "database-busy-pool",
  fault: 'every connection of the pool waits for a lock on "user" for 8 s: /health stays 200, and resets are accepted',
  takesAway: "the database",
  async run(testbed) {
    const api = await testbed.serve();
    const emails = await testbed.createAccounts(10);
    await testbed.sql.begin(async (tx) => {
      await tx`lock table "user" in access exclusive mode`;
      const logins = Array.from({ length: 20 }, (_, at) =>
        fetch(new URL("/token", api.url ?? ""), {
          method: "POST",
          body: new URLSearchParams({ username: `person${at + 1}`, password: "not the password" }),
        }).catch(() => null),
      );
      await Bun.sleep(2_000);
      const { status, body } = await testbed.health();
      testbed.expect(status === 200, `/health answers 200 while the pool is busy (${status} ${body})`);
      const answers = await testbed.requestResets(emails);
      testbed.expect(
        answers.every((answer) => answer.status === 200 && answer.tookMs < 2_000),
        "resets are accepted while the pool is busy",
      );
      await Bun.sleep(6_000);
      void Promise.all(logins);
    });
    testbed.faultsEnd();
  },
};

/** Another application has tables of the same names, and a journal of the same migrator that is ahead. */
const sharedDatabase: Scenario = {
  name: "database-shared",
  fault: 'a database in which another application has "user", "session" and "message", and a newer migration journal',
  async run(testbed) {
    await testbed.sql.unsafe(`
      drop schema if exists dundie cascade; drop schema if exists drizzle cascade;
      drop schema public cascade; create schema public;
      create table public."user" (id int); create table public.session (id int); create table public.message (id int);
      create schema drizzle;
      create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint);
      insert into drizzle.__drizzle_migrations (hash, created_at) values ('of another application', 99999999999999);`);
    await testbed.serve();
    await testbed.requestResets(await testbed.createAccounts(10));
    testbed.faultsEnd();
    const [row] = await testbed.sql`select count(*)::int as count from drizzle.__drizzle_migrations`;
    testbed.expect(row?.["count"] === 1, "the journal of the other application is not changed");
  },
};

/** The role of an application that may read and write rows, and nothing else. */
const plainRole: Scenario = {
  name: "database-plain-role",
  fault: "a role that may only read and write rows, with MIGRATE=off, for API and worker",
  async run(testbed) {
    const role = `certify_${crypto.randomUUID().replaceAll("-", "")}`;
    const [schema] = await testbed.sql<{ name: string }[]>`select current_schema() as name`;
    await testbed.sql.unsafe(`
      create role ${role} login password 'certify';
      grant usage on schema ${schema?.name} to ${role};
      grant select, insert, update, delete on all tables in schema ${schema?.name} to ${role};
      grant usage, select on all sequences in schema ${schema?.name} to ${role};`);
    const url = new URL(testbed.databaseUrl);
    url.username = role;
    url.password = "certify";
    const environment = { DATABASE_URL: url.href, MIGRATE: "off" };
    await testbed.serve({ ...environment, COURIER: "off" });
    await testbed.worker(environment);
    await testbed.requestResets(await testbed.createAccounts(10));
    testbed.faultsEnd();
  },
};

export const databaseSessions: readonly Scenario[] = [
  busyPool,
  sharedDatabase,
  plainRole,
  commitReplyLost,
  reportsErrors,
  lockTimeout,
  readOnly,
  refusesConnections,
  serializable,
  ownSettings,
  unsafeSettings,
];
