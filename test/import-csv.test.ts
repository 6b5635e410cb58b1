/** `import-users` on files as spreadsheets and other systems write them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readUserCsv } from "../src/accounts/user-csv.ts";
import { startApi, type TestApi } from "./support/api.ts";
import { startCluster, type Cluster } from "./support/cluster.ts";
import { spawnCli } from "./support/process.ts";
import { SETTINGS } from "./support/settings.ts";

/** Of its own, because a command warns about a database that is not durable, as that of other tests is. */
let cluster: Cluster;
let api: TestApi;
let directory: string;
beforeAll(async () => {
  cluster = await startCluster();
  api = await startApi({ DATABASE_URL: await cluster.createDatabase() });
  directory = await mkdtemp(join(tmpdir(), "dundie-csv-"));
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await cluster.remove();
  await rm(directory, { recursive: true });
});

const rowsOf = (text: string | Uint8Array) =>
  [...readUserCsv(typeof text === "string" ? new TextEncoder().encode(text) : text).rows].map((row) =>
    "problem" in row ? [row.line, row.problem] : [row.line, row.name, row.email, row.dept],
  );
const latin1 = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

async function run(text: string | Uint8Array, ...flags: string[]) {
  const path = join(directory, `${crypto.randomUUID()}.csv`);
  await writeFile(path, text);
  await using cli = spawnCli(["import-users", path, ...flags], {
    env: { ...SETTINGS, DATABASE_URL: api.databaseUrl, SMTP_URL: "smtp://127.0.0.1:1" },
  });
  const exitCode = await cli.ended;
  return { exitCode, stdout: cli.stdout, stderr: cli.stderr };
}

const GOOD = [2, "Ana", "ana@example.com", "sales"];

describe("a file", () => {
  test.each<[string, string]>([
    ["commas", "name,email,dept\nAna,ana@example.com,sales\n"],
    ["semicolons, as Excel in Brazil", "name;email;dept\r\nAna;ana@example.com;sales\r\n"],
    ["tabs", "name\temail\tdept\nAna\tana@example.com\tsales"],
    ["headers in any case, with spaces", "Name , EMAIL,Dept\nAna , ana@example.com,sales\n"],
    ["another order and other columns", "dept,phone,email,name\nsales,1,ana@example.com,Ana\n"],
    ["a byte order mark", "\ufeffname,email,dept\nAna,ana@example.com,sales\n"],
    ["quotes everywhere", '"name","email","dept"\n"Ana","ana@example.com","sales"\n'],
    ["a comma in quotes", 'name;email;dept\n"Ana";"ana@example.com";"sales"\n'],
    ["lines of old Macintoshes", "name,email,dept\rAna,ana@example.com,sales\r"],
    [
      "empty lines and lines of separators at the end",
      "name,email,dept\nAna,ana@example.com,sales\n\n,,\n;\n".replace(";\n", ""),
    ],
  ])("with %s is understood", (_, text) => {
    expect(rowsOf(text)).toEqual([GOOD]);
  });

  test("Excel's line with the separator is skipped, and lines are counted as an editor counts them", () => {
    expect(rowsOf("sep=;\n\nname;email;dept\n\nAna;ana@example.com;sales")).toEqual([[5, ...GOOD.slice(1)]]);
  });

  test("quoted fields hold separators, quotes and line breaks (RFC 4180 §2)", () => {
    const text =
      'name,email,dept,notes\n"Beesly, ""Pam""",pam@example.com,art,"one\ntwo\n\nfour"\nAna,ana@example.com,sales,\n';
    expect(rowsOf(text)).toEqual([
      [2, 'Beesly, "Pam"', "pam@example.com", "art"],
      [6, ...GOOD.slice(1)],
    ]);
  });

  test("a line that is not well-formed is named, and costs no other line", () => {
    const text = [
      "name,email,dept",
      "Ana,ana@example.com,sales",
      "Bob,bob@example.com",
      "Carol,carol@example.com,sales,",
      'Dan "the man",dan@example.com,sales',
      '"Eve" x,eve@example.com,sales',
      'Frank,"frank@example.com,sales',
      "Grace,grace@example.com,sales",
      '"Heidi",heidi@example.com,sales',
      'Ivan,ivan@example.com,"sales',
    ].join("\n");
    const rows = rowsOf(text);
    expect(rows.map(([line]) => line)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(rows.filter((row) => row.length === 4).map(([line]) => line)).toEqual([2, 8, 9]);
    expect(Object.fromEntries(rows.filter((row) => row.length === 2))).toEqual({
      3: "The line has 2 fields, but the first line names 3 columns.",
      4: "The line has 4 fields, but the first line names 3 columns.",
      5: expect.stringContaining("has a quote within a field."),
      6: "The line has a character after a closing quote.",
      7: "The line opens a quote that is not closed.",
      10: "The line opens a quote that is not closed.",
    });
  });

  test("quotes that no line closes cost no second for each thousand", () => {
    const [opens, others] = ['"Kevin,kevin@example.com,accounting', "Oscar,oscar@example.com,accounting"];
    const file = [
      "name,email,dept",
      ...Array.from({ length: 4_000 }, () => [opens, ...Array(49).fill(others)]).flat(),
    ].join("\n");
    const before = process.cpuUsage();
    const rows = rowsOf(file);
    const { user, system } = process.cpuUsage(before);
    expect(rows).toHaveLength(200_000);
    expect(rows[0]).toEqual([2, "The line opens a quote that is not closed."]);
    // 0.3 s; 5.5 s when the text is parsed after each line.
    expect((user + system) / 1e6).toBeLessThan(2);
  });

  test("a quote that closes on a later line with the wrong number of fields costs no line but those that are wrong", () => {
    const text = 'name,email,dept\nFrank,"frank@example.com\nx",sales,y\nAna,ana@example.com,sales\n';
    expect(rowsOf(text)).toEqual([
      [2, "The line opens a quote that is not closed."],
      [3, expect.stringContaining("has a quote within a field.")],
      [4, ...GOOD.slice(1)],
    ]);
  });

  test.each<[string, string | Uint8Array, string]>([
    [
      "in Latin-1",
      latin1("name,email,dept\nAna,ana@example.com,sales\nJo\xe3o,joao@example.com,sales\n"),
      "Line 3 is not UTF-8",
    ],
    ["in Latin-1 from its first line", latin1("name,email,dept,observa\xe7\xf5es\n"), "Line 1 is not UTF-8"],
    ["in UTF-16", new Uint8Array(Buffer.from("\ufeffname,email,dept\n", "utf16le")), "The file is UTF-16"],
    ["without an email column", "name,mail,dept\n", "It does not name email."],
    ["without a header", "Ana,ana@example.com,sales\n", "It does not name name and email and dept."],
    ["that names a column twice", "name,email,dept,Email\n", "names the column email twice"],
    ["that is empty", "", "Line 1 must name the columns"],
  ])("%s is refused whole", (_, text, words) => {
    expect(() => rowsOf(text)).toThrow(words);
  });
});

test("good rows are imported, the wrong line is named, the exit code says so, and a second run imports nothing", async () => {
  const names = ["Ana", "Bia", "Caio", "Davi", "Eva"];
  const lines = names.map((name) => `${name} Lima,${name.toLowerCase()}@lima.example,sales`);
  const text = ["name,email,dept", ...lines.slice(0, 2), "Zé Lima,ze@lima.example,sales,", ...lines.slice(2)].join(
    "\n",
  );
  const first = await run(text, "--invite");
  expect(first).toEqual({
    exitCode: 1,
    stdout: "5 created and invited, 0 had an account, 1 refused\n",
    stderr: "line 4: The line has 4 fields, but the first line names 3 columns.\n",
  });
  expect((await api.deliver()).filter(({ kind }) => kind === "invitation")).toHaveLength(5);
  expect((await run(text)).stdout).toBe("0 created, 5 had an account, 1 refused\n");
}, 60_000);

test("a file that is not UTF-8 imports nothing, not even the lines before", async () => {
  const answer = await run(latin1("name,email,dept\nGil,gil@example.com,sales\nJo\xe3o,joao@example.com,sales\n"));
  expect([answer.exitCode === 0, answer.stdout]).toEqual([false, ""]);
  expect(answer.stderr).toContain("Line 3 is not UTF-8. Nothing was imported.");
  expect((await api.call("GET", "/user/gil/")).status).toBe(404);
}, 60_000);

test("a taken username is reported and not changed; names that are alike get a number", async () => {
  const text = [
    "name,email,dept,username",
    "Pam Other,pam.other@example.com,sales,pam-beesly",
    "Pam Beesly,pam.beesly@example.com,sales,",
    "Twice One,twice1@example.com,sales,twice",
    "Twice Two,twice2@example.com,sales,twice",
    "Under Score,under@example.com,sales,under_score",
    "Łukasz Żółć,lukasz@example.com,sales,",
  ].join("\n");
  const { exitCode, stdout, stderr } = await run(text);
  expect([exitCode, stdout]).toEqual([1, "3 created, 0 had an account, 3 refused\n"]);
  expect(stderr).toContain('line 2: username: The username "pam-beesly" is taken.\n');
  expect(stderr).toContain('line 5: username: The username "twice" is in the file twice.\n');
  expect(stderr).toContain("line 6: username: A username has 1 to 64 lower-case letters");
  const rows = await api.sql`
    select username from "user" where email like any (array['pam.%@example.com', 'twice%', 'lukasz@%']) order by 1`;
  expect(rows.map((row) => row["username"])).toEqual(["lukasz-zolc", "pam-beesly-2", "twice"]);
}, 60_000);

test("locale and password hashes from elsewhere: they log in, get a hash of ours, and no invitation", async () => {
  const password = "senha que veio de fora";
  const bcrypt = await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 });
  const argon2 = await Bun.password.hash(password, { algorithm: "argon2id", memoryCost: 64, timeCost: 1 });
  const text = [
    "name;email;dept;locale;password_hash",
    `Old One;old1@example.com;sales;pt-BR;${bcrypt}`,
    `Old Two;old2@example.com;sales;pt_br;${bcrypt.replace("$2b$", "$2y$")}`,
    `Old Three;old3@example.com;sales;;${argon2}`,
    "Old Four;old4@example.com;sales;fr;",
    "Old Five;old5@example.com;sales;;$6$rounds=5000$salt$hash",
    "Old Six;old6@example.com;sales;;pbkdf2_sha256$260000$salt$hash",
    "Old Seven;old7@example.com;sales;;$argon2id$v=19$m=4194304,t=3,p=1$c29tZXNhbHRzb21l$c29tZXNhbHRzb21lc2FsdA",
    `Old Eight;old8@example.com;sales;;${bcrypt.replace("$04$", "$31$")}`,
    "Old Nine;old9@example.com;sales;en;",
  ].join("\n");
  await api.deliver();
  const { exitCode, stdout, stderr } = await run(text, "--invite");
  expect([exitCode, stdout]).toEqual([1, "4 created and invited, 0 had an account, 5 refused\n"]);
  expect(stderr.match(/^line \d+: [a-z_]+:/gm)).toEqual([
    "line 5: locale:",
    "line 6: password_hash:",
    "line 7: password_hash:",
    "line 8: password_hash:",
    "line 9: password_hash:",
  ]);
  expect((await api.deliver()).map(({ to }) => to)).toEqual(["old9@example.com"]);
  for (const username of ["old-one", "old-two", "old-three"]) {
    expect(await api.tryLogIn(username, `${password}!`)).toBe(401);
    expect(await api.tryLogIn(username, password)).toBe(200);
    const [row] = await api.sql`select password_hash, locale from "user" where username = ${username}`;
    expect(row!["password_hash"]).toStartWith("$argon2id$v=19$m=19456,t=2,");
    expect(row!["locale"]).toBe(username === "old-three" ? null : "pt-BR");
    expect(await api.tryLogIn(username, password)).toBe(200);
  }
}, 60_000);

test("--dry-run says what would happen and changes nothing", async () => {
  const text = "name,email,dept\nDry Run,dry@example.com,sales\nDry Run,dry2@example.com,sales\nX,not an address,y\n";
  const count = async () =>
    (
      await api.sql`
    select (select count(*) from "user") + (select count(*) from message) + (select count(*) from audit_event) as n`
    )[0];
  const before = await count();
  const dry = await run(text, "--dry-run", "--invite");
  expect(dry).toEqual({
    exitCode: 1,
    stdout: "2 would be created and invited, 0 had an account, 1 refused; nothing was changed\n",
    stderr: "line 4: email: This is not an email address that mail can be sent to.\n",
  });
  expect(await count()).toEqual(before);
  expect((await run(text)).stdout).toBe("2 created, 0 had an account, 1 refused\n");
}, 60_000);
